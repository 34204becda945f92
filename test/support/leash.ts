// Preloaded into programs that tests start: standard input ends when the test dies, however it dies, and so do we.
import v8 from 'node:v8';
import vm from 'node:vm';

process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
process.stdin.unref?.();

// A test that weighs a program asks it to forget first what nothing holds.
process.on('SIGUSR2', () => {
  v8.setFlagsFromString('--expose-gc');
  (vm.runInNewContext('gc') as () => void)();
  process.stdout.write('{"msg":"forgotten"}\n');
});
