import { EgretError } from '../errors.ts';
import type { Database } from './database.ts';

/** The records for requests: while they are known to be away, nobody waits to hear so (EG-1702). */
export function unlessAway(database: Database, away: () => boolean): Database {
  const refuse = (): void => {
    if (away()) throw new EgretError('EG-1702', { params: { retryAfter: 1 } });
  };
  return {
    sql: new Proxy(database.sql, {
      apply(target, _, args) {
        refuse();
        return Reflect.apply(target, undefined, args);
      },
    }),
    async begin(work, options) {
      refuse();
      return database.begin(work, options);
    },
    close: () => database.close(),
  };
}
