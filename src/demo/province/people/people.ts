import { createHash } from 'node:crypto';
import { poolPersonOf } from './pool.ts';
import { type Change, type Row, table } from './table.ts';

export interface Person extends Row {
  /** The platform's own id of the account; the same after every start, and says nothing of the person. */
  readonly userId: string;
}

/** Who is registered on the platform: the table with the changes played to it, and behind it the pool. */
export interface People {
  all(): readonly Person[];
  /** By a normalised number; two where one person has two accounts. */
  byNumber(number: string): readonly Person[];
  /** A row's key, or the number of a person of the pool. */
  byKey(key: string): Person | undefined;
  /** Plays a change at the platform; undefined when there is no such row. */
  change(key: string, change: Change): Person | undefined;
  undo(key: string): Person | undefined;
  reset(): void;
}

export function createPeople(): People {
  const changes = new Map<string, Change>();
  const rows = new Map(table.map((row) => [row.key, row]));
  const person = (row: Row): Person => ({ ...row, ...changes.get(row.key), userId: userIdOf(row.key) });

  const byKey = (key: string) => {
    const row = rows.get(key) ?? poolPersonOf(key);
    return row && person(row);
  };

  return {
    all: () => table.map(person),
    byNumber(number) {
      const found = table.filter((row) => row.number === number);
      const pooled = found.length ? undefined : poolPersonOf(number);
      return (pooled ? [pooled] : found).map(person);
    },
    byKey,
    change(key, change) {
      if (!rows.has(key)) return undefined;
      changes.set(key, { ...changes.get(key), ...change });
      return byKey(key);
    },
    undo(key) {
      changes.delete(key);
      return rows.has(key) ? byKey(key) : undefined;
    },
    reset: () => changes.clear(),
  };
}

function userIdOf(key: string): string {
  return createHash('sha256').update(`province account ${key}`).digest('hex').slice(0, 32);
}
