import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { genesis, headHolds, link } from './chain.ts';
import { type AuditKey, type Content, open } from './envelope.ts';
import { createGaps, type Problem } from './gaps.ts';
import { countRejected, freeze, readGaps, readHead, readInbox, readLog } from './records.ts';

export interface Verification {
  readonly ok: boolean;
  /** Events walked. */
  readonly events: number;
  readonly head: { readonly number: number; readonly hash: string } | undefined;
  /** At most a thousand. */
  readonly problems: readonly Problem[];
  /** What is no proof of harm: numbers that may still arrive, or that a process has left open (for good, if it died). */
  readonly notes: readonly string[];
  /** Not chained yet, and when the oldest of it happened (ms); their MACs were checked too. */
  readonly unchained: { readonly count: number; readonly oldest: number | undefined };
}

export interface VerifyOptions {
  /** An event may be under way this long, in milliseconds, before its absence is a gap. */
  readonly grace?: number;
  readonly onProgress?: (events: number) => void;
}

const page = 5_000;
const most = 1_000;

/** Walks the whole trail, in pages, as it was at one moment. */
export function verify(
  { database, key, clock }: { database: Database; key: AuditKey; clock: Clock },
  { grace = 60_000, onProgress = () => {} }: VerifyOptions = {},
): Promise<Verification> {
  return database.begin(async (tx) => {
    await freeze(tx);
    const problems: Problem[] = [];
    const found = (problem: Problem) => void (problems.length < most && problems.push(problem));

    const gaps = createGaps(await readGaps(tx, most));
    const walked = await walk(tx, key, { found, each: gaps.declared, onProgress });
    const head = await readHead(tx);
    if (head && !headHolds(head, key)) found({ kind: 'head', number: head.number, text: 'the head is forged' });
    if (!head && walked.number > 0) found({ kind: 'head', text: 'the chain has no head' });
    if (head && walked.number < head.number)
      found({
        kind: 'cut',
        number: head.number,
        text: `the chain ends at ${walked.number}, its head at ${head.number}`,
      });
    if (head && walked.number === head.number && !walked.hash.equals(head.hash))
      found({ kind: 'head', number: head.number, text: 'the chain does not end with the hash of its head' });
    if (head && walked.number > head.number)
      found({
        kind: 'inserted',
        number: head.number + 1,
        text: `events follow the head of the chain, up to ${walked.number}`,
      });

    const unchained = await walkInbox(tx, key, { found, each: gaps.arrived });
    const rejected = await countRejected(tx);
    if (rejected > 0)
      found({ kind: 'rejected', text: `${rejected} events without a good MAC, kept in audit_rejected` });
    const notes = await gaps.judge(tx, { now: clock.now(), grace, found });
    return {
      ok: problems.length === 0,
      events: walked.events,
      head: head && { number: head.number, hash: head.hash.toString('hex') },
      problems,
      notes,
      unchained,
    };
  });
}

interface Visitor {
  readonly found: (problem: Problem) => void;
  readonly each: (content: Content, place?: number) => void;
}

async function walk(tx: TransactionSql, key: AuditKey, visitor: Visitor & { onProgress: (events: number) => void }) {
  const { found, each, onProgress } = visitor;
  let number = 0;
  let events = 0;
  let hash: Buffer = genesis;
  for (;;) {
    const rows = await readLog(tx, number, page);
    for (const row of rows) {
      const content = open(row, key);
      const follows = row.number === number + 1;
      if (!follows)
        found({
          kind: 'missing',
          number: number + 1,
          text: row.number === number + 2 ? `${number + 1} is missing` : `${number + 1}-${row.number - 1} are missing`,
        });
      if (!content) found({ kind: 'changed', number: row.number, text: `${row.number} does not carry a good MAC` });
      else {
        each(content, row.number);
        // Behind a hole nothing is known of the hash before; a changed event was named already.
        if (follows && !link(hash, row.number, row).equals(row.hash))
          found({ kind: 'moved', number: row.number, text: `${row.number} does not follow from the event before it` });
      }
      // Going on from what stands there names each bad place once, and not everything behind it.
      ({ number, hash } = row);
      events += 1;
    }
    onProgress(events);
    if (rows.length < page) return { number, events, hash };
  }
}

async function walkInbox(tx: TransactionSql, key: AuditKey, { found, each }: Visitor) {
  let after = '0';
  let count = 0;
  let oldest: number | undefined;
  for (;;) {
    const rows = await readInbox(tx, after, page);
    for (const row of rows) {
      const content = open(row, key);
      if (!content) found({ kind: 'changed', text: 'an event that is not chained yet does not carry a good MAC' });
      else {
        each(content);
        oldest = Math.min(oldest ?? content.at, content.at);
      }
      count += 1;
      after = row.arrived;
    }
    if (rows.length < page) return { count, oldest };
  }
}
