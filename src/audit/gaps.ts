import type { TransactionSql } from 'postgres';
import type { Content } from './envelope.ts';
import { type Gap, transactionFates } from './records.ts';

/** What is wrong with the trail, and where. */
export interface Problem {
  readonly kind:
    | 'changed' // the event at this number does not carry a good MAC
    | 'missing' // numbers of the chain, or of a process, are not there
    | 'moved' // a good event whose hash does not follow from the one before: reordered, or put there
    | 'inserted' // behind the end of the chain, or the same number of a process twice
    | 'cut' // the chain ends before its head
    | 'head' // the head is missing or forged: the chain was computed anew without the key
    | 'rejected'; // something without a good MAC was found before it was chained
  /** In the chain. */
  readonly number?: number;
  readonly process?: string;
  readonly text: string;
}

type Range = readonly [from: number, to: number];

/** What the trail itself says of the numbers that are missing in it: only of the processes that have gaps. */
interface Story {
  readonly gaps: Gap[];
  readonly voided: Range[];
  readonly waiting: Set<number>;
  /** Numbers that later events list as open, with their transaction. */
  readonly open: Map<number, string>;
}

/**
 * Judges the gaps in the numbers of processes. A number is explained when its process declared it void, when it waits
 * in the inbox, or when a later event lists it as open and its transaction was rolled back. One whose transaction was
 * committed was taken away; so was one that nobody lists.
 */
export function createGaps(gaps: readonly Gap[]) {
  const restorations: { place: number; at: number; made: number }[] = [];
  const stories = new Map<string, Story>();
  for (const gap of gaps) {
    const story: Story = stories.get(gap.process) ?? { gaps: [], voided: [], waiting: new Set(), open: new Map() };
    stories.set(gap.process, story);
    story.gaps.push(gap);
  }

  const declared = (content: Content, place = Number.POSITIVE_INFINITY): void => {
    if (content.type === 'records.restored')
      restorations.push({ place, at: content.at, made: Number(content.detail?.made) });
    const story = stories.get(content.process);
    if (!story) return;
    for (const one of content.open ?? []) {
      const [number, xid = ''] = one.split(':');
      const known = story.open.get(Number(number));
      if (inGap(story, Number(number)) && !known) story.open.set(Number(number), xid);
    }
    if (content.type === 'audit.voided')
      for (const range of (content.detail?.numbers ?? []) as string[]) {
        const [from = 0, to = 0] = range.split('-').map(Number);
        story.voided.push([from, to]);
      }
  };

  return {
    /** To be called with every event of the chain. */
    declared,
    /** To be called with every event that is not chained yet. */
    arrived(content: Content): void {
      declared(content);
      const story = stories.get(content.process);
      if (story && inGap(story, content.number)) story.waiting.add(content.number);
    },
    /** Names what is missing; returns what only may be. */
    async judge(
      tx: TransactionSql,
      { now, grace, found }: { now: number; grace: number; found: (problem: Problem) => void },
    ): Promise<string[]> {
      const notes: string[] = [];
      // Before a restore the numbers of transactions are those of another server, or of another past.
      const since = Math.max(0, ...restorations.map(({ place }) => place));
      for (const [process, story] of stories) {
        const xids = [...new Set([...story.open.values()].filter((xid) => xid !== ''))];
        const fates = xids.length > 0 ? await transactionFates(tx, xids) : new Map<string, string>();
        for (const gap of story.gaps) {
          if (gap.from > gap.to) {
            found({ kind: 'inserted', process, text: `process ${process} has the number ${gap.from - 1} twice` });
            continue;
          }
          const back = restorations.find(({ place, at, made }) =>
            gap.place < place
              ? // under way when the snapshot was taken
                made - gap.at < grace
              : // between the snapshot and the restore; told of by what came from a stream that outlived it
                gap.placeBefore < place && gap.at < at,
          );
          if (back) {
            notes.push(
              `${gapText(process, gap.from, gap.to)}: the records went back to ${new Date(back.made).toISOString()}`,
            );
            continue;
          }
          for (const [from, to] of without([gap.from, gap.to], story.voided)) {
            const missing: number[] = [];
            const unsettled: number[] = [];
            // A gap as wide as a process is long is told as a whole, not number by number.
            if (to - from > 10_000) found({ kind: 'missing', process, text: gapText(process, from, to) });
            else
              for (let number = from; number <= to; number++) {
                if (story.waiting.has(number)) continue;
                const xid = story.open.get(number);
                const fate = xid && gap.place > since ? fates.get(xid) : undefined;
                if (fate === 'aborted') continue;
                if (xid !== undefined && fate === undefined) unsettled.push(number);
                else missing.push(number);
              }
            for (const [first, last] of runs(missing))
              if (now - gap.at < grace) notes.push(`${gapText(process, first, last)} yet`);
              else found({ kind: 'missing', process, text: gapText(process, first, last) });
            for (const [first, last] of runs(unsettled))
              notes.push(`process ${process} has not said what became of ${span(first, last)}`);
          }
        }
      }
      return notes;
    },
  };
}

const inGap = (story: Story, number: number) => story.gaps.some((gap) => gap.from <= number && number <= gap.to);

const span = (from: number, to: number) => (from === to ? `its event ${from}` : `its events ${from}-${to}`);

const gapText = (process: string, from: number, to: number) =>
  `of process ${process}, ${span(from, to)} did not arrive`;

/** A range without others. */
function without(range: Range, others: readonly Range[]): Range[] {
  let left: Range[] = [range];
  for (const [from, to] of others)
    left = left.flatMap(([first, last]): Range[] => {
      if (to < first || from > last) return [[first, last]];
      const parts: Range[] = [
        [first, from - 1],
        [to + 1, last],
      ];
      return parts.filter(([start, end]) => start <= end);
    });
  return left;
}

function runs(numbers: readonly number[]): Range[] {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const before = found.at(-1);
    if (before && before[1] === number - 1) before[1] = number;
    else found.push([number, number]);
  }
  return found;
}
