import { type Batch, type Committed, type Guess, keyOf } from '../../src/provider/state/state.ts';
import { node } from '../support/processes.ts';
import { fresh, later, write } from './engines.ts';
import { type Cases, redemption, rotation, standing, trials } from './kin.ts';
import type { Leg } from './racer.ts';

/** The same between two processes. */
export const race: Cases = {
  async 'two processes race for each thing that is single'(t, bench) {
    const file = new URL('./racer.ts', import.meta.url).pathname;
    const sides = [node(t, file, bench.racer), node(t, file, bench.racer)];
    await Promise.all(sides.map((side) => side.waitFor(/^ready$/m)));
    let signals = 0;
    const wins = [0, 0];
    /** Fires ten on each side at one signal and counts what won. */
    async function race<T>(leg: (side: number) => Leg, won: (answer: T) => boolean): Promise<number> {
      signals++;
      const legs = sides.map((_, side) => `${JSON.stringify(leg(side))}\n`);
      sides.forEach((side, turn) => void side.child.stdin!.write(legs[turn]!));
      const scores = await Promise.all(
        sides.map(async (side) => {
          const [, answers] = await side.waitFor(new RegExp(`^answer ${signals} (.*)$`, 'm'), 20_000);
          const list = JSON.parse(answers!) as T[];
          return list.length === 10 ? list.filter(won).length : Number.NaN;
        }),
      );
      scores.forEach((score, side) => {
        wins[side]! += score;
      });
      return scores[0]! + scores[1]!;
    }
    const ten = <T>(make: (turn: number) => T): T[] => Array.from({ length: 10 }, (_, turn) => make(turn));
    const committed = (answer: Committed) => answer.ok && !answer.repeated;
    const scores: Record<string, number[]> = {
      code: [],
      rotation: [],
      successors: [],
      mark: [],
      completion: [],
      otp: [],
    };
    for (let trial = 0; trial < trials; trial++) {
      const kin = await standing(bench.a);
      scores.code!.push(await race(() => ({ commits: ten(() => redemption(kin)) }), committed));

      const old = await standing(bench.a);
      const heir = old.key('RefreshToken');
      const rotate = () => ({ commits: ten(() => rotation(old, heir)) });
      let written = 0;
      const answered = await race<Committed>(rotate, (answer) => answer.ok);
      for (const side of sides)
        written += side.output().split(`answer ${signals} `)[1]!.split('"repeated":false').length - 1;
      scores.rotation!.push(answered);
      scores.successors!.push(written);

      const mark = keyOf('Replay', fresh());
      const put = [{ key: mark, payload: '', expiresAt: later() }];
      scores.mark!.push(await race(() => ({ commits: ten(() => ({ lock: mark, absent: mark, put })) }), committed));

      const step = keyOf('Interaction', fresh());
      await write(bench.a, [{ key: step, payload: '', expiresAt: later() }]);
      const finish: Batch = { lock: step, spend: { key: step, for: 'resume' } };
      scores.completion!.push(await race(() => ({ commits: ten(() => finish) }), committed));

      const otp = keyOf('OneTimeCode', fresh());
      await write(bench.a, [{ key: otp, payload: 's', expiresAt: later(), links: { mac: 'right' } }]);
      const guesses = (side: number) => ({ guesses: ten((turn) => [otp, 'right', `${side}-${turn}`] as const) });
      scores.otp!.push(await race<Guess>(guesses, (answer) => answer.outcome === 'right'));
    }
    const all = (score: number) => new Array(trials).fill(score);
    t.strictSame(scores, {
      code: all(1),
      rotation: all(20),
      successors: all(1),
      mark: all(1),
      completion: all(1),
      otp: all(1),
    });
    t.comment(`answered with success by either process: ${wins.join(' and ')}`);
  },
};
