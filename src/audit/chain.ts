import { createHash, hash, timingSafeEqual } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import type { AuditKey, Envelope } from './envelope.ts';
import type { AuditEvent } from './events.ts';
import type { Known } from './known.ts';
import {
  anyLogged,
  anyWaiting,
  chained,
  deleteInbox,
  type Head,
  insertLinks,
  insertRejected,
  type Link,
  lockInbox,
  readHead,
  tryLockChain,
  writeHead,
} from './records.ts';

/** What the first event's hash covers. */
export const genesis = createHash('sha256').update('egret audit').digest();

/** SHA-256 over the hash before, the number (8 bytes, big-endian), the MAC and the event. */
export function link(before: Buffer, number: number, { mac, text }: Envelope): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(number));
  return hash('sha256', Buffer.concat([before, place, mac, Buffer.from(text)]), 'buffer');
}

const headInput = (number: number, hash: Buffer) => `egret audit head\0${number}\0${hash.toString('hex')}`;

function sealHead(number: number, hash: Buffer, key: AuditKey): Head {
  const id = key.current();
  const mac = key.mac(id, headInput(number, hash));
  if (!mac) throw new EgretError('EG-1811', { log: `the audit key ${id} is not here` });
  return { number, hash, key: id, mac };
}

export function headHolds(head: Head, key: AuditKey): boolean {
  const mac = key.mac(head.key, headInput(head.number, head.hash));
  return mac !== undefined && mac.length === head.mac.length && timingSafeEqual(mac, head.mac);
}

/** Events of one transaction: enough to be fast, few enough to be over in a moment. */
const batch = 1_000;

export interface ChainOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly key: AuditKey;
  readonly known: Known;
  readonly record: (tx: TransactionSql, event: AuditEvent) => Promise<void>;
}

export function createChain({ database, clock, key, known, record }: ChainOptions) {
  // A head older than one this process has seen: the end of the trail was put back, by whatever means.
  let seen = 0;
  const counters = { chained: 0, rejected: 0 };

  async function one(): Promise<number> {
    const moved = await database.begin(async (tx) => {
      if (!(await tryLockChain(tx))) return undefined;
      const head = await readHead(tx);
      if (head ? !headHolds(head, key) : await anyLogged(tx))
        throw new EgretError('EG-1811', { log: `the head of the audit chain is ${head ? 'forged' : 'missing'}` });
      if ((head?.number ?? 0) < seen)
        throw new EgretError('EG-1811', {
          log: `the audit chain went back from number ${seen} to ${head?.number ?? 0}: its end was cut`,
        });
      const rows = await lockInbox(tx, batch);
      if (rows.length === 0) return { number: head?.number ?? 0, rows, rejected: 0 };

      const contents = rows.map(known.open);
      const before = await chained(
        tx,
        contents.flatMap((content) => content?.id ?? []),
      );
      const rejected = rows.filter((_, index) => contents[index] === undefined);
      let { number, hash } = head ?? { number: 0, hash: genesis };
      const links: Link[] = [];
      for (const [index, row] of rows.entries()) {
        const content = contents[index];
        // What came twice by a stream was chained meanwhile.
        if (!content || before.has(content.id)) continue;
        number += 1;
        hash = link(hash, number, row);
        links.push({ arrived: row.arrived, number, hash });
      }
      if (links.length > 0) await insertLinks(tx, links);
      if (rejected.length > 0) {
        await insertRejected(tx, rejected, clock.now());
        await record(tx, { type: 'audit.rejected', outcome: 'refused', detail: { count: rejected.length } });
      }
      await deleteInbox(tx, rows);
      if (links.length > 0) await writeHead(tx, sealHead(number, hash, key));
      return { number, rows, rejected: rejected.length, links: links.length };
    });
    if (!moved) return 0;
    seen = moved.number;
    counters.chained += moved.links ?? 0;
    counters.rejected += moved.rejected;
    moved.rows.forEach(known.forget);
    return moved.rows.length;
  }

  return {
    counters,
    /**
     * Moves what waits in the inbox to the chain, if no other node is at it; returns how many events it moved. EG-1811
     * when the end of the chain is not what it was: nothing is chained onto that.
     */
    async chainOnce(): Promise<number> {
      if (!(await anyWaiting(database.sql))) return 0;
      let total = 0;
      for (;;) {
        const moved = await one();
        total += moved;
        if (moved < batch) return total;
      }
    },
  };
}
