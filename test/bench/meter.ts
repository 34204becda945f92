/**
 * Preloaded into a program that is measured: it answers with the CPU time of its whole process (every thread, user and
 * system, microseconds) and with its memory when asked over the channel that a fork has. Nothing runs in between.
 */
process.on('message', (asked) => {
  if (asked !== 'meter') return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() });
});
// the channel alone keeps nobody alive
process.channel?.unref();
