/**
 * Preloaded into a program that is measured: it answers with the CPU time of its whole process (every thread, user and
 * system, microseconds), with its memory, and with the CommonJS modules it has loaded, when asked over the channel that
 * a fork has. Nothing runs in between.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
process.on('message', (asked) => {
  if (asked !== 'meter') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, rss: process.memoryUsage.rss(), modules: Object.keys(require.cache) });
});
// the channel alone keeps nobody alive
process.channel?.unref();
