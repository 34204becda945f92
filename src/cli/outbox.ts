import { EgretError } from '../errors.ts';
import { count, oneOf } from './options.ts';
import { columns, time } from './print.ts';
import { byCommandLine, type Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  list: {
    about: 'Messages to the outside, the newest first; never what they say, nor to which mobile.',
    example: 'egret outbox list --state dead',
    options: { state: { type: 'string' }, limit: { type: 'string', default: '100' } },
    shown: '[--state waiting|delivered|dead] [--limit COUNT]',
    reads: true,
    async run({ values, rooms }) {
      const state = oneOf('--state', values.state, ['waiting', 'delivered', 'dead'] as const);
      const limit = count('--limit', values.limit);
      const { outbox } = await (await rooms()).inside();
      const found = await outbox.list({ state, limit });
      return {
        data: found,
        lines: columns(
          ['message', 'kind', 'to', 'state', 'tries', 'made', 'next try', 'last error'],
          found.map((one) => [
            one.id,
            one.kind,
            one.target,
            one.state,
            one.tries,
            time(one.createdAt),
            one.state === 'waiting' ? time(one.nextAttemptAt) : '-',
            one.lastError,
          ]),
          'there are no messages',
        ),
      };
    },
  },
  retry: {
    about: 'Makes a message due now, also a dead one whose content is still kept; a running gateway delivers it.',
    example: 'egret outbox retry 6a1de3d4-6f0e-4a7e-8f5e-0c1f3f5a7b90',
    args: ['MESSAGE'],
    async run({ args, rooms }) {
      const [id = ''] = args;
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
        throw new EgretError('EG-1902', { log: 'MESSAGE is an id of `egret outbox list`' });
      const { outbox, operator } = await (await rooms()).inside();
      const retried = await outbox.retry(id, { by: byCommandLine, actor: operator });
      if (retried.ok) return { lines: [`${id} is due now`] };
      if (retried.reason === 'unknown') throw new EgretError('EG-1904', { log: `There is no message ${id}.` });
      throw new EgretError('EG-1909', { log: `Nothing is left of ${id} to send.` });
    },
  },
};
