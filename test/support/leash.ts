// Preloaded into programs that tests start: standard input ends when the test dies, however it dies, and so do we.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
process.stdin.unref?.();
