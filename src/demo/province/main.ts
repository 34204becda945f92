/**
 * The province simulator as a program of its own:
 *
 *     node src/demo/province/main.ts [--port 4100] [--data .data/province] [--with-parent]
 *
 * It listens on 127.0.0.1 only, keeps its keys and who is registered in the data folder, and prints one line when it is
 * ready. In a browser, `/__sim/inbox` shows the text messages and `/__sim/people` the test people. A caller pins
 * `<data>/platform-public.json` and registers itself with `POST /__sim/callers` {callerCode, returnUrlPrefixes, keys}.
 * Tests play faults with the header `x-sim-fault: <kind>` or `POST /__sim/faults` (sim/faults.ts lists the kinds), move
 * time with `POST /__sim/clock` {offsetMs}, change a person with `POST /__sim/people/:key`, and read what was asked at
 * `/__sim/ledger`. `--with-parent` ends it when its standard input ends. It never starts under NODE_ENV=production.
 */
import { parseArgs } from 'node:util';
import { startProvince } from './province.ts';

const usage = 'node src/demo/province/main.ts [--port 4100] [--data .data/province] [--with-parent]';

function settings(): { port: number; data: string; withParent: boolean } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '4100' },
      data: { type: 'string', default: '.data/province' },
      'with-parent': { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) throw new Error('--port must be a number from 0 to 65535.');
  return { port, data: values.data, withParent: values['with-parent'] };
}

try {
  if (process.env.NODE_ENV === 'production')
    throw new Error('The province simulator does not start under NODE_ENV=production: it signs in anybody as anybody.');
  const { withParent, ...options } = settings();
  const province = await startProvince(options);
  console.log(`province  ${province.url}`);
  const stop = () => {
    void province.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // A parent that is killed cannot say goodbye: the end of its pipe does.
  if (withParent) process.stdin.on('end', stop).on('error', stop).resume();
} catch (error) {
  console.error((error as Error).message);
  if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) console.error(usage);
  process.exit(1);
}
