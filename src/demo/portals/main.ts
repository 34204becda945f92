import { parseArgs } from 'node:util';
import { startPortals } from './portals.ts';

const usage = `node src/demo/portals/main.ts [--base-port 4200] [--issuer http://localhost:4000] [--data .data/portals] [--with-parent]`;

/** Reads the command line. @throws Error with one sentence. */
function settings(): { basePort: number; issuer: URL; data: string; withParent: boolean } {
  const { values } = parseArgs({
    options: {
      'base-port': { type: 'string', default: '4200' },
      issuer: { type: 'string', default: 'http://localhost:4000' },
      data: { type: 'string', default: '.data/portals' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  const basePort = Number(values['base-port']);
  if (!Number.isInteger(basePort) || basePort < 1 || basePort > 65_530) {
    throw new Error('--base-port must be a number from 1 to 65530.');
  }
  if (!URL.canParse(values.issuer)) throw new Error('--issuer must be a URL.');
  const issuer = new URL(values.issuer);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname);
  if (issuer.protocol !== 'https:' && !(issuer.protocol === 'http:' && loopback)) {
    throw new Error('--issuer must be an https URL; http only on this machine.');
  }
  return { basePort, issuer, data: values.data, withParent: values['with-parent'] };
}

try {
  const { withParent, ...options } = settings();
  const portals = await startPortals(options);
  for (const { name, url } of portals.addresses) console.log(`${name} ${url}`);
  const stop = () => {
    void portals.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A parent that is killed cannot say goodbye: the end of its pipe does.
  if (withParent) process.stdin.on('end', stop).on('error', stop).resume();
} catch (error) {
  console.error((error as Error).message);
  if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) console.error(usage);
  process.exit(1);
}
