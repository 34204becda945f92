import { type Config, readConfig } from '../config.ts';
import { EgretError } from '../errors.ts';
import { Refused } from '../errors-problems.ts';
import { checkConfiguration } from './doctor.ts';
import type { Verb } from './verb.ts';

// The command line and main.ts stand side by side; which program this process becomes is decided here, as it runs.
const program = new URL('../main.ts', import.meta.url).href;

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    about:
      'Runs the gateway until SIGTERM. In development it applies the clients of the configured folder first; ' +
      'in production it refuses what is unsafe, with every reason.',
    example: 'egret serve',
    async run() {
      const read = readConfig();
      const { config } = read;
      // With a wrong setting no store is opened: what the configuration tells is told whole.
      if (read.problems.length > 0) throw new Refused((await checkConfiguration(read)).problems);
      const { serve } = (await import(program)) as { serve(config: Config): Promise<void> };
      await serve(config).catch((error) => refuse(error, config));
      return { lines: [] };
    },
  },
};

/** What is no fault of ours is said in a sentence with what to do. */
function refuse(error: unknown, config: Config): never {
  const { code, port, address } = error as { code?: string; port?: number; address?: string };
  if (code === 'EADDRINUSE' || code === 'EACCES')
    throw new EgretError('EG-1905', {
      cause: error,
      log: `${address ?? ''} port ${port ?? config.listen.port} ${code === 'EACCES' ? 'is not open to this user' : 'is taken, by another program or by a gateway that already runs'}: end it, or choose others with EGRET_BASE_PORT.`,
    });
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')
    throw new EgretError('EG-1905', {
      cause: error,
      log: `${address} is no address of this machine: name others in listen.hosts.`,
    });
  throw error;
}
