import { count, oneOf } from './options.ts';
import { columns, time } from './print.ts';
import type { Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  list: {
    about: 'Conflicts that somebody must look into, the newest first.',
    example: 'egret cases list --state open',
    options: { state: { type: 'string' }, limit: { type: 'string', default: '100' } },
    shown: '[--state open|closed] [--limit COUNT]',
    reads: true,
    async run({ values, rooms }) {
      const state = oneOf('--state', values.state, ['open', 'closed'] as const);
      const limit = count('--limit', values.limit);
      const { accounts } = await (await rooms()).inside();
      const found = await accounts.listCases({ state, limit });
      return {
        data: found,
        lines: columns(
          ['case', 'kind', 'state', 'opened', 'about'],
          found.map(({ number, kind, state, openedAt, refs }) => [
            number,
            kind,
            state,
            time(openedAt),
            Object.entries(refs)
              .map(([name, ref]) => `${name} ${ref}`)
              .join(', '),
          ]),
          'there are no cases',
        ),
      };
    },
  },
};
