import { type Batch, bucketOf, digestOf, digits, eventBound, type Key, keyOf } from '../../src/provider/state/state.ts';
import { drained, family, fresh, later, parallel, write } from './engines.ts';
import { type Cases, done, redemption, refused, standing, trials } from './kin.ts';

/** What is kept, for how long, under which names, and with which events. */
export const keeping: Cases = {
  async 'what is put is loaded, with what it hangs on'(t, { a, b }) {
    const kin = await standing(a);
    const code = await b.load(kin.code);
    t.match(code, {
      entry: { payload: 'code', consumedAt: 0, version: 0 },
      grant: { payload: 'grant' },
      session: { payload: 'session' },
    });
    const session = await b.load(kin.session, { client: 'dept' });
    t.match(session, { entry: { payload: 'session' }, grant: { payload: 'grant' }, session: undefined });
    t.equal((await b.load(kin.session, { client: 'other' }))?.grant, undefined);
    t.equal(await b.load(kin.key('Grant')), undefined);
    t.strictSame(await a.commit({ lock: kin.session, remove: [kin.grant] }), done);
    t.match(await b.load(kin.code), { entry: { payload: 'code' }, grant: undefined, session: { payload: 'session' } });

    const payload = JSON.stringify({
      name: '张伟 🦢',
      quote: '\'"\\',
      control: '\u0000\u001f',
      long: 'x'.repeat(60_000),
    });
    await write(a, [{ key: kin.code, payload, expiresAt: 1_999_999_999_999, version: 41 }]);
    t.strictSame((await b.load(kin.code))?.entry, {
      payload,
      expiresAt: 1_999_999_999_999,
      consumedAt: 0,
      version: 41,
    });
  },

  async 'what has expired is not there, for any step'(t, bench) {
    const { a } = bench;
    const kin = await standing(a);
    await write(a, [{ key: kin.session, payload: 'session', expiresAt: later(120_000) }]);
    bench.offset = 61_000;
    t.equal(await a.load(kin.code), undefined);
    t.match(await a.load(kin.session, { client: 'dept' }), { entry: { payload: 'session' }, grant: undefined });
    t.strictSame(await a.commit({ lock: kin.session, spend: { key: kin.code, for: 'x' } }), refused('gone'));
    t.strictSame(await a.commit({ lock: kin.session, need: [kin.grant] }), refused('gone'));
    t.strictSame(await a.commit({ lock: kin.grant, compare: { key: kin.grant, version: 0 } }), refused('gone'));
    t.strictSame(await a.guess(kin.code, 'mac', '1'), { outcome: 'dead' });
    bench.offset = 0;
    t.match(await a.load(kin.code), { entry: { consumedAt: 0 } });
  },

  async 'what a write needs must stand, or nothing is written'(t, bench) {
    const { a } = bench;
    const kin = await standing(a);
    const token = kin.key('AccessToken');
    const batch: Batch = {
      ...redemption(kin, token),
      compare: { key: kin.session, version: 0 },
      remove: [kin.grant],
    };
    const nothing = async (why: string) => {
      t.equal(await a.load(token), undefined, `${why}: no token`);
      t.match(await a.load(kin.code), { entry: { consumedAt: 0 } }, `${why}: not spent`);
      t.strictSame(await drained(a), [], `${why}: no event`);
    };
    t.strictSame(await a.commit({ ...batch, need: [kin.session, kin.key('Grant')] }), refused('gone'));
    await nothing('one of two is gone');
    const spent = kin.key('RefreshToken');
    await write(a, [{ key: spent, payload: '', expiresAt: later() }]);
    t.strictSame(await a.commit({ lock: kin.session, spend: { key: spent, for: 'x' } }), done);
    t.strictSame(await a.commit({ ...batch, need: [kin.session, spent] }), refused('gone'));
    await nothing('one is spent');
    t.match(await a.commit({ ...batch, compare: { key: kin.session, version: 7 } }), { why: 'conflict' });
    await nothing('another version');
    t.match(await a.load(kin.grant), { entry: { payload: 'grant' } });
    t.strictSame(await a.commit({ ...batch, need: [kin.session, kin.session] }), done, 'one named twice is one');
    t.match(await a.load(token), { entry: { payload: 'token' } });
    t.equal(await a.load(kin.grant), undefined, 'and what was to go is gone');
  },

  async 'what ended under another lock is not written back'(t, bench) {
    for (let trial = 0; trial < 2 * trials; trial++) {
      const kin = await standing(bench.a);
      const grant = { key: kin.grant, payload: 'again', expiresAt: later() };
      await parallel(bench, 8, (state, turn) =>
        turn === 4
          ? state.commit({ lock: kin.grant, remove: [kin.grant] })
          : state.commit({ lock: kin.session, need: [kin.grant], put: [grant] }),
      );
      if (await bench.a.load(kin.grant)) return void t.fail(`trial ${trial}: the grant came back`);
    }
  },

  async 'a limit is exact, and begins again'(t, bench) {
    const { a } = bench;
    const key = keyOf('Limit', fresh());
    const began = Date.now();
    const answers = await parallel(bench, 30, (state) => state.count(key, 30_000, 7));
    t.equal(answers.filter((one) => one.allowed).length, 7);
    t.strictSame(new Set(answers.map((one) => one.resetAt)).size, 1);
    t.ok(Math.abs(answers[0]!.resetAt - began - 30_000) < 5_000);
    t.match(await a.count(key, 30_000, 7), { allowed: false, used: 7 });
    t.match(await a.count(key, 30_000, 8), { allowed: true, used: 8 }, 'what was refused was not counted');
    bench.offset = 29_000 - (Date.now() - began);
    t.match(await a.count(key, 30_000, 8), { allowed: false, used: 8 });
    bench.offset = 36_000;
    t.match(await a.count(key, 30_000, 8), { allowed: true, used: 1 });
  },

  async 'events stand or fall with their act, and are bounded'(t, bench) {
    const { a, b } = bench;
    const kin = family();
    const put = [{ key: kin.session, payload: '', expiresAt: later() }];
    t.strictSame(await a.commit({ lock: kin.session, put, events: ['one', 'two'] }), done);
    t.strictSame(await a.commit({ lock: kin.session, need: [kin.grant], events: ['no'] }), refused('gone'));
    const [first, second] = await b.events(10);
    t.match(
      [first, second],
      [
        { stamp: 'one', bucket: '07' },
        { stamp: 'two', bucket: '07' },
      ],
    );
    await b.forget([first!]);
    await b.forget([first!]);
    await b.forget([]);
    t.strictSame(await drained(a), ['two']);

    // whichever bucket they are in, the oldest come first: a busy one must not keep the others waiting
    const order = ['63', '00', '40', '07', '21'];
    for (const bucket of order) {
      const key = keyOf('Session', fresh(bucket));
      await a.commit({ lock: key, put: [{ key, payload: '', expiresAt: later() }], events: [`in ${bucket}`] });
      // read after the act: the next one then falls into a later millisecond than this one
      const moment = Date.now();
      while (Date.now() === moment) await a.ping();
    }
    t.strictSame(
      (await a.events(2)).map((event) => event.stamp),
      ['in 63', 'in 00'],
    );
    t.strictSame(
      await drained(a),
      order.map((bucket) => `in ${bucket}`),
    );

    const flood = Array.from({ length: eventBound }, (_, turn) => `e${turn}`);
    t.strictSame(await a.commit({ lock: kin.session, events: flood }), done);
    const one: Batch = { lock: kin.session, remove: [kin.session], events: ['one more'] };
    t.strictSame(await b.commit(one), refused('full'));
    t.ok(await a.load(kin.session), 'what cannot be audited is not done');
    t.strictSame(await b.commit({ lock: kin.session, put, events: [] }), done, 'what needs no audit is');
    const other = keyOf('Session', fresh('08'));
    t.strictSame(await b.commit({ lock: other, events: ['elsewhere'] }), done, 'and other buckets go on');
    t.equal((await drained(a)).length, eventBound + 1);
    t.strictSame(await b.commit(one), done);
  },

  async 'keys say nothing, and none stays'(t, bench) {
    const { a } = bench;
    const planted = Array.from({ length: 5 }, () => fresh('63'));
    const [session, grant, code, heir, flow] = planted as [string, string, string, string, string];
    const keys = [keyOf('Session', session), keyOf('Grant', grant), keyOf('AuthorizationCode', code)] as const;
    const expiresAt = later(7_200_000);
    await a.commit({
      lock: keys[0],
      put: keys.map((key) => ({ key, payload: 'canary', expiresAt, links: { s: digestOf(keys[0]) } })),
      events: ['event'],
    });
    const spend = { key: keys[2], for: 'rotation', window: 1000, successor: keyOf('RefreshToken', heir) };
    await a.commit({ lock: keys[0], spend, put: [{ key: spend.successor, payload: 'canary', expiresAt }] });
    const otp = keyOf('OneTimeCode', flow);
    await write(a, [{ key: otp, payload: 'canary', expiresAt, links: { mac: 'mac' } }]);
    await a.guess(otp, 'wrong', 'id');
    await a.count(keyOf('Limit', flow), 60_000, 3);
    await a.commit({ lock: keyOf('Replay', flow), put: [{ key: keyOf('Replay', flow), payload: '', expiresAt }] });

    const rows = await bench.rows();
    const entries = rows.filter((row) => row.life !== undefined);
    t.equal(entries.length, 7);
    for (const { key } of rows) {
      t.match(key, /^(?:egret:\{\d\d\}:(?:[a-z]:[\w-]{43}|audit)|\d\d:[a-z]:[\w-]{43})$/);
      t.ok(Number(/\d\d/.exec(key)?.[0]) < 64, 'in one of 64 buckets');
    }
    if (!bench.sweeps) for (const { key, ttl, life } of entries) t.ok(ttl > 0 && ttl >= life!, `${key} ends`);
    t.strictSame(
      rows.filter((row) => row.life === undefined).map((row) => row.key),
      bench.sweeps ? [] : ['egret:{63}:audit'],
    );
    const dump = rows.map((row) => row.key + row.text).join('\n');
    t.match(dump, 'canary');
    for (const value of planted) t.notOk(dump.includes(value), 'no value that travels');
    for (let prefix = 0; prefix < 100; prefix++)
      if (Number(bucketOf(keyOf('AuthorizationCode', fresh(digits(prefix))))) > 63) t.fail(`bucket of ${prefix}`);
  },

  async 'a sweep takes what expired a minute ago, and no more'(t, bench) {
    const { a } = bench;
    const kin = family();
    const put = (key: Key, ms: number) => write(a, [{ key, payload: '', expiresAt: later(ms) }]);
    await put(kin.session, 600_000);
    await put(kin.grant, 20_000);
    await put(kin.code, 20_000);
    bench.offset = 60_000;
    t.equal(await a.sweep(), 0);
    bench.offset = 120_000;
    t.equal(await a.sweep(), bench.sweeps ? 2 : 0);
    t.ok(await a.load(kin.session));
    t.equal(await a.load(kin.grant), undefined);
    if (!bench.sweeps) return;
    t.equal((await bench.rows()).length, 1);
    const many = Array.from({ length: 2_500 }, (_, n) => `${kin.session.slice(0, 2)}:l:${n}` as Key);
    const expiresAt = later(1);
    await write(
      a,
      many.map((key) => ({ key, payload: '', expiresAt })),
    );
    bench.offset = 240_000;
    t.equal(await a.sweep(), many.length, 'a backlog goes at once, whatever one statement takes');
    t.equal((await bench.rows()).length, 1);
  },
};
