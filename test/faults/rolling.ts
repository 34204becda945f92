import t from 'tap';
import { stage } from '../production/rolling.ts';
import { wants } from '../support/wants.ts';

const rounds = Number(process.env.EGRET_ROUNDS ?? 10);

t.setTimeout(60_000 * rounds);

/** Issue 4, section 2: restarts of two nodes, one after the other, again and again, and nobody who roams notices. */
t.test('rolling restarts of two nodes behind nginx', wants('nginx', 'redis-server'), async (t) => {
  const { own, front, load } = await stage(t, { people: 8, grace: 5 });
  const gateways = [...own.gateways];
  const took: number[] = [];
  for (let round = 0; round < 2 * rounds; round++) {
    const side = round % 2 ? 1 : 0;
    const began = performance.now();
    const ended = await gateways[side]?.stop('SIGTERM');
    took.push(performance.now() - began);
    t.strictSame(ended, { code: 0, signal: null }, `restart ${round + 1}`);
    gateways[side] = await own.restart(side);
  }
  await load.stop();
  t.strictSame(load.failed.slice(0, 20), [], `${load.failed.length} of ${load.done()} requests failed`);
  for (const line of front.output().split('\n'))
    if (!/^pid |refused|temporarily disabled|^$/.test(line)) t.comment(line.slice(0, 300));
  t.comment(`${2 * rounds} restarts, ${load.done()} requests, ${load.failed.length} failed`);
  t.comment(`an end took ${Math.round(Math.max(...took))} ms at most, an answer ${load.longest()} ms`);
});
