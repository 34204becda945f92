import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Pair } from '../support/pair.ts';

export interface State {
  /** Every row and every key by name, with the hash of what it holds; trail and caps aside, which are told of attempts. */
  read(): Promise<Map<string, string>>;
  /** What differs, by kind: `new i`, `changed accounts`. */
  close(): void;
}

const digest = (value: string | Buffer): string => createHash('sha256').update(value).digest('base64url');

export function stateOf(own: Pair): State {
  const redis = new Redis(own.redis?.socket ?? '');
  return {
    close: () => redis.disconnect(),
    async read() {
      const state = new Map<string, string>();
      const tables = await own.database.sql<{ name: string }[]>`
        select tablename as name from pg_tables where schemaname = 'public' and tablename !~ '^audit_|^protocol_events$'`;
      for (const { name } of tables)
        for (const { row } of await own.database.sql.unsafe<{ row: string }[]>(`select t::text as row from ${name} t`))
          state.set(`${name} ${digest(row)}`, '');
      // a message that waits is being delivered, and a heartbeat is no attempt either
      for (const key of await redis.keys('*'))
        if (!/:l:|:audit$|:beat$/.test(key)) state.set(key, digest((await redis.dumpBuffer(key)) ?? ''));
      return state;
    },
  };
}

/** How many of each kind came, went or changed; keys of protocol state by their letter (provider/state/state.ts). */
export function difference(before: Map<string, string>, after: Map<string, string>): Readonly<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(key) === after.get(key)) continue;
    const what = before.has(key) ? (after.has(key) ? 'changed' : 'gone') : 'new';
    const kind = key.startsWith('egret:') ? (key.split(':')[2] ?? '') : (key.split(' ')[0] ?? '');
    counted[`${what} ${kind}`] = (counted[`${what} ${kind}`] ?? 0) + 1;
  }
  return counted;
}
