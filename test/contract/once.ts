import {
  type Batch,
  bucketOf,
  guessLimit,
  type Key,
  keyOf,
  type ProtocolState,
} from '../../src/provider/state/state.ts';
import { drained, fresh, later, parallel, write } from './engines.ts';
import { at, type Cases, done, redemption, refused, rotation, standing, trials } from './kin.ts';

/** Once means once (DESIGN rule 1), for two clients of one store. */
export const once: Cases = {
  async 'a code is spent once'(t, bench) {
    for (let trial = 0; trial < trials; trial++) {
      const kin = await standing(bench.a);
      const tokens = Array.from({ length: 20 }, () => kin.key('AccessToken'));
      const answers = await parallel(bench, 20, (state, turn) => state.commit(redemption(kin, tokens[turn])));
      const written = (await Promise.all(tokens.map((token) => bench.a.load(token)))).filter(Boolean).length;
      const told = await drained(bench.a);
      const score = [at('ok', answers), at('spent', answers), written, told.filter((one) => one === 'issued').length];
      if (`${score}` !== '1,19,1,1') t.strictSame(score, [1, 19, 1, 1], `trial ${trial}`);
    }
    t.equal((await bench.rows()).filter((row) => row.spentFor === 'tokens').length, trials, 'and says for what');
  },

  async 'a replay writes nothing; whoever ends the authorisation then, tells it in that step'(t, { a, b }) {
    const kin = await standing(a);
    const token = kin.key('AccessToken');
    t.strictSame(await a.commit(redemption(kin, token)), done);
    t.ok(((await b.load(kin.code))?.entry.consumedAt ?? 0) > 0);
    t.strictSame(await drained(a), ['issued']);
    t.strictSame(await b.commit(redemption(kin, kin.key('AccessToken'))), refused('spent'));
    t.strictSame(await drained(a), []);
    t.match(await a.load(token), { entry: { payload: 'token' }, grant: { payload: 'grant' } });
    t.strictSame(await b.commit({ lock: kin.grant, remove: [kin.grant], events: ['replayed'] }), done);
    t.equal((await a.load(token))?.grant, undefined, 'the token hangs on nothing');
    t.match(await a.load(kin.session), { entry: { payload: 'session' } }, 'the session stays');
    t.strictSame(await drained(a), ['replayed']);
    t.strictSame(await b.commit(redemption(kin)), refused('gone'));
  },

  async 'a rotation repeated inside its window gets the same successor'(t, bench) {
    const { a } = bench;
    for (let trial = 0; trial < trials; trial++) {
      const kin = await standing(a);
      const heir = kin.key('RefreshToken');
      const answers = await parallel(bench, 20, (state, turn) => state.commit(rotation(kin, heir, `by ${turn}`)));
      const first = answers.findIndex((one) => one.ok && !one.repeated);
      const repeated = answers.filter((one) => one.ok && one.repeated).length;
      const kept = (await a.load(heir))?.entry.payload;
      if (repeated !== 19 || kept !== `by ${first}`)
        t.strictSame([repeated, kept], [19, `by ${first}`], `trial ${trial}`);
    }
    const kin = await standing(a);
    const heir = kin.key('RefreshToken');
    t.strictSame(await a.commit(rotation(kin, heir)), done);
    bench.offset = 9_000;
    t.strictSame(await a.commit(rotation(kin, heir)), { ok: true, repeated: true });
    bench.offset = 11_000;
    t.strictSame(await a.commit(rotation(kin, heir)), refused('spent'), 'outside its window');
    bench.offset = 0;

    const used = await standing(a);
    const [second, third] = [used.key('RefreshToken'), used.key('RefreshToken')];
    t.strictSame(await a.commit(rotation(used, second)), done);
    t.strictSame(await a.commit(rotation({ ...used, code: second }, third)), done);
    t.strictSame(await a.commit(rotation(used, second)), refused('spent'), 'its successor was used');
  },

  async 'a session is written by comparing, and never brought back'(t, bench) {
    const { a, b } = bench;
    const key = keyOf('Session', fresh());
    await write(a, [{ key, payload: '0', expiresAt: later(), version: 1 }]);
    const set = (state: ProtocolState, version: number, payload: string) =>
      state.commit({
        lock: key,
        compare: { key, version },
        put: [{ key, payload, expiresAt: later(), version: version + 1 }],
      });
    t.strictSame(await set(a, 1, 'mine'), done);
    t.match(await set(b, 1, 'yours'), { ok: false, why: 'conflict', current: { payload: 'mine', version: 2 } });
    await write(a, [{ key, payload: '0', expiresAt: later(), version: 1 }]);
    await parallel(bench, 20, async (state) => {
      let current = (await state.load(key))!.entry;
      for (;;) {
        const answer = await set(state, current.version, `${Number(current.payload) + 1}`);
        if (answer.ok) return;
        if (answer.why !== 'conflict') throw new Error(answer.why);
        current = answer.current;
      }
    });
    t.match(await a.load(key), { entry: { payload: '20', version: 21 } });
    t.strictSame(await a.commit({ lock: key, remove: [key] }), done);
    t.strictSame(await set(b, 21, '21'), refused('gone'));
    t.equal(await a.load(key), undefined);
  },

  async 'a mark is set once'(t, bench) {
    const { a } = bench;
    const marking = (mark: Key, lock = mark): Batch => ({
      lock,
      absent: mark,
      put: [{ key: mark, payload: '', expiresAt: later() }],
    });
    for (let trial = 0; trial < trials; trial++) {
      const mark = keyOf('Replay', fresh());
      // also under a lock of each one's own, as marks beside different sessions would be
      const lock = (turn: number) => (trial % 2 ? mark : (`${bucketOf(mark)}:s:${turn}` as Key));
      const answers = await parallel(bench, 20, (state, turn) => state.commit(marking(mark, lock(turn))));
      const score = [at('ok', answers), at('present', answers)];
      if (`${score}` !== '1,19') t.strictSame(score, [1, 19], `trial ${trial}`);
    }
    const mark = keyOf('Replay', fresh());
    const lost = await a.commit({ ...marking(mark), need: [keyOf('Session', fresh(bucketOf(mark)))] });
    t.strictSame(lost, refused('gone'));
    const kin = await standing(a);
    const stale = { compare: { key: kin.session, version: 7 } };
    const own = kin.key('Grant');
    t.match(await a.commit({ ...marking(own, kin.session), ...stale }), { why: 'conflict' });
    t.equal(await a.load(own), undefined);
    const spending = { spend: { key: kin.key('AuthorizationCode'), for: 'x' } };
    t.strictSame(await a.commit({ ...marking(own, kin.session), ...spending }), refused('gone'));
    t.strictSame(await a.commit(marking(own, kin.session)), done, 'a refused batch has marked nothing');
    t.strictSame(await a.commit(marking(own, kin.session)), refused('present'));
    bench.offset = 61_000;
    t.strictSame(await a.commit(marking(own, kin.session)), done, 'an expired mark is none');
  },

  async 'a one-time code dies after five wrong tries'(t, bench) {
    const { a, b } = bench;
    const put = async () => {
      const key = keyOf('OneTimeCode', fresh());
      await write(a, [{ key, payload: 'subject', expiresAt: later(), links: { mac: 'right' } }]);
      return key;
    };
    const dead = { outcome: 'dead' };
    const wrong = (triesLeft: number) => ({ outcome: 'wrong', triesLeft });
    const right = { outcome: 'right', subject: 'subject' };

    const key = await put();
    t.strictSame(await a.guess(key, 'wrong', '1'), wrong(4));
    t.strictSame(await b.guess(key, 'wrong', '1'), wrong(4), 'a lost reply counts once');
    t.strictSame(await a.guess(key, 'wrong', '2'), wrong(3));
    t.strictSame(await b.guess(key, 'wrong', '1'), wrong(4), 'also when another came between');
    for (const turn of [2, 1, 0]) t.strictSame(await a.guess(key, 'wrong', `${5 - turn}`), wrong(turn));
    t.strictSame(await a.guess(key, 'right', '6'), dead);
    t.strictSame(await a.guess(key, 'wrong', '5'), wrong(0));

    const good = await put();
    t.strictSame(await a.guess(good, 'wrong', '1'), wrong(4));
    t.strictSame(await a.guess(good, 'right', '2'), right);
    t.strictSame(await b.guess(good, 'right', '2'), right, 'the winner who lost the reply hears it again');
    t.strictSame(await a.guess(good, 'right', '3'), dead, 'and nobody else');
    t.strictSame(await a.guess(keyOf('OneTimeCode', fresh()), 'right', '1'), dead);

    for (let trial = 0; trial < trials; trial++) {
      const [bad, fine] = [await put(), await put()];
      const tries = await parallel(bench, 20, (state, turn) => state.guess(bad, 'wrong', `${turn}`));
      const left = tries.flatMap((one) => (one.outcome === 'wrong' ? [one.triesLeft] : [])).sort();
      const wins = await parallel(bench, 20, (state, turn) => state.guess(fine, 'right', `${turn}`));
      const won = wins.filter((one) => one.outcome === 'right').length;
      if (`${left}` !== '0,1,2,3,4' || won !== 1) t.strictSame([left, won], [[0, 1, 2, 3, 4], 1], `trial ${trial}`);
    }
    t.equal(guessLimit, 5);
  },
};
