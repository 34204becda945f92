import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { AuditTrail } from '../../src/audit/audit.ts';
import type { Keys } from '../../src/keys/keys.ts';
import { createOutbox, type Deliverer, type OutboxOptions, type OutboxService } from '../../src/outbox/outbox.ts';
import { type Moved, movedClock, open } from '../keys/support.ts';
import { database, type TestDatabase } from '../support/database.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export interface Room {
  db: TestDatabase;
  clock: Moved;
  keys: Keys<AuditTrail>;
  /** A node; stopped when the test ends. */
  node(options?: Partial<OutboxOptions>): OutboxService;
  enqueue(
    outbox: OutboxService,
    to: string,
    options?: { kind?: 'sms' | 'logout'; key?: string; expiresIn?: number },
  ): Promise<string>;
  row(id: string): Promise<Record<string, unknown>>;
  events(type: string): Promise<{ detail: Record<string, unknown>; client?: string; outcome: string }[]>;
}

export async function room(t: Test): Promise<Room> {
  const db = await database(t);
  const clock = movedClock();
  const keys = await open(db, randomBytes(32), clock);
  const nodes: OutboxService[] = [];
  t.teardown(() => Promise.all(nodes.map((node) => node.stop())));
  return {
    db,
    clock,
    keys,
    node(options = {}) {
      const node = createOutbox({ database: db, vault: keys.vault, audit: keys.audit, clock, ...options });
      nodes.push(node);
      return node;
    },
    enqueue: (outbox, to, { kind = 'logout', key, expiresIn = 24 * hour } = {}) =>
      db.begin((tx) =>
        outbox.enqueue(tx, { kind, to, body: { text: `for ${to}` }, key, expiresAt: clock.now() + expiresIn }),
      ),
    row: async (id) => (await db.sql`select * from outbox where id = ${id}`)[0] ?? {},
    async events(type) {
      const rows = await db.sql<{ event: string }[]>`select event from audit_inbox order by arrived`;
      return rows.map(({ event }) => JSON.parse(event)).filter((event) => event.type === type);
    },
  };
}

export const both = (deliver: Deliverer) => ({ sms: deliver, logout: deliver });
