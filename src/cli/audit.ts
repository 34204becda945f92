import { count } from './options.ts';
import { clean, columns, time } from './print.ts';
import type { Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  verify: {
    about: 'Walks the whole trail and says whether anything in it was changed, moved, put in or cut off.',
    example: 'egret audit verify',
    reads: true,
    async run({ rooms }) {
      const { audit } = await (await rooms()).inside();
      const found = await audit.verify();
      const { ok, events, head, problems, notes, unchained } = found;
      return {
        data: found,
        ok,
        ...(ok ? {} : { aside: ['EG-1811  The audit trail is not what it was.'] }),
        lines: [
          ok
            ? `the trail is whole: ${events} events`
            : `the trail is NOT whole: ${problems.length} problems in ${events} events`,
          ...(head ? [`head ${head.number} ${head.hash}`] : []),
          ...(unchained.count > 0
            ? [`not chained yet: ${unchained.count}, the oldest of ${time(unchained.oldest)}`]
            : []),
          ...problems.map(({ kind, text }) => clean(`problem: ${kind}: ${text}`)),
          ...notes.map((note) => clean(`note: ${note}`)),
        ],
      };
    },
  },
  tail: {
    about: 'The latest events of the chain, the oldest of them first; people stand in it as keyed references only.',
    example: 'egret audit tail --limit 50 --json',
    options: { limit: { type: 'string', default: '20' } },
    shown: '[--limit COUNT]',
    reads: true,
    async run({ values, rooms }) {
      const limit = count('--limit', values.limit);
      const { audit } = await (await rooms()).inside();
      const found = await audit.tail(limit);
      return {
        data: found,
        lines: columns(
          ['place', 'at', 'event', 'outcome', 'client', 'code', 'detail'],
          found.map((event) => [
            event.place,
            time(event.at),
            event.type,
            event.outcome,
            event.client,
            event.code,
            event.detail && JSON.stringify(event.detail),
          ]),
          'the chain is empty',
        ),
      };
    },
  },
};
