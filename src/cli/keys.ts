import { columns, time } from './print.ts';
import { byCommandLine, type Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  list: {
    about: 'Every key of the gateway with its state; never the key.',
    example: 'egret keys list --json',
    reads: true,
    async run({ rooms }) {
      const { keys } = await (await rooms()).inside();
      const found = keys.list();
      return {
        data: { epoch: keys.epoch, keys: found },
        lines: [
          `epoch ${keys.epoch}`,
          ...columns(
            ['key', 'kind', 'algorithm', 'state', 'made', 'ripe', 'active', 'ends'],
            found.map((key) => [
              key.kid,
              key.kind,
              key.algorithm,
              key.state,
              time(key.createdAt),
              time(key.ripeAt),
              time(key.activatedAt),
              time(key.endedAt ?? key.retireAt),
            ]),
            'there are no keys',
          ),
        ],
      };
    },
  },
  rotate: {
    about: 'The next step of the token-signing keys: publishes a new one, and once it is ripe makes it sign.',
    example: 'egret keys rotate',
    async run({ rooms }) {
      const { keys, operator } = await (await rooms()).inside();
      const rotation = await keys.rotate({ by: byCommandLine, actor: operator });
      if (!rotation.ok)
        return {
          lines: [],
          aside: [
            `EG-1807  ${rotation.kid} is published, and may sign from ${time(rotation.ripeAt)}: rotate again then.`,
          ],
          ok: false,
        };
      return {
        lines: [
          ...rotation.steps.map(({ step, kid, ripeAt, before }) =>
            [
              `${step} ${kid}`,
              ripeAt === undefined ? '' : `, it may sign from ${time(ripeAt)}`,
              before === undefined ? '' : `, in place of ${before}`,
            ].join(''),
          ),
          `epoch ${rotation.epoch}`,
        ],
      };
    },
  },
};
