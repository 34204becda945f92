import type { Config } from '../config.ts';
import type { Verb } from './verb.ts';

// The command line and main.ts stand side by side; which program this process becomes is decided here, as it runs.
const program = new URL('../main.ts', import.meta.url).href;

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    about: 'Runs the gateway until SIGTERM; in development it applies the clients of the configured folder first.',
    async run({ config }) {
      const { serve } = (await import(program)) as { serve(config: Config): Promise<void> };
      await serve(config);
      return { lines: [] };
    },
  },
};
