import type { Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    about: 'Brings the database to this version, making the embedded one where there is none.',
    example: 'egret migrate',
    async run({ rooms }) {
      const { applied } = await rooms({ migrate: true });
      return { lines: applied.length > 0 ? applied.map((name) => `applied ${name}`) : ['nothing to apply'] };
    },
  },
};
