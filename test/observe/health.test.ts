import t from 'tap';
import { createHealth, type Health, type Standing, standings } from '../../src/observe/health.ts';

/** Two stores that are there or not, the word of other processes, and a clock that is moved. */
function stand(options: { shared?: boolean; keyEpoch?: number } = {}) {
  const now = { ms: 100_000 };
  const there = { records: true, state: true };
  const others = { age: Number.POSITIVE_INFINITY, epoch: 1 };
  const beats: number[] = [];
  const said: Standing[] = [];
  let read = now.ms;
  let keysRead = now.ms;
  const health: Health = createHealth({
    clock: { monotonic: () => now.ms },
    records: {
      async look() {
        if (!there.records) throw new Error('away');
        read = keysRead = now.ms;
      },
      age: () => now.ms - read,
    },
    async state() {
      if (!there.state) throw new Error('away');
    },
    keys: {
      get epoch() {
        return options.keyEpoch ?? 1;
      },
      age: () => now.ms - keysRead,
    },
    ...(options.shared === false
      ? {}
      : {
          heartbeat: {
            beat: async (epoch: number) => void beats.push(epoch),
            listen: async () => ({ ...others }),
          },
        }),
    withoutRecords: 900_000,
    onChange: (standing) => said.push(standing),
  });
  /** Time goes by, with a look at its end. */
  const after = async (ms: number): Promise<Standing> => {
    now.ms += ms;
    await health.seen();
    await health.assure()?.catch(() => {});
    return health.standing();
  };
  return { now, there, others, beats, said, health, after };
}

t.test('what a process makes of its stores', async (t) => {
  const { there, others, beats, said, health, after } = stand();
  t.equal(await after(2_000), 'ready');
  t.ok(beats.length > 0, 'it says that it reaches the records');

  there.records = false;
  t.equal(await after(1_700), 'ready', 'what was read a moment ago holds');
  others.age = 300;
  t.equal(await after(2_000), 'records-away-here', 'others have what it has not');
  await t.rejects(async () => health.assure(), { code: 'EG-1702' });
  others.age = 2_000;
  t.equal(await after(2_000), 'records-away', 'nobody has');
  t.equal(health.assure(), undefined, 'it serves');
  t.ok(health.withoutRecords());
  others.epoch = 2;
  t.equal(await after(2_000), 'keys-behind', 'others had later keys before the records went');
  others.epoch = 1;
  others.age = Number.POSITIVE_INFINITY;
  t.equal(await after(2_000), 'records-away', 'an empty Redis says nothing else');
  t.equal(await after(889_000), 'records-away');
  t.equal(await after(2_000), 'records-away-too-long', 'a quarter of an hour');
  await t.rejects(async () => health.assure(), { code: 'EG-1702' });
  there.records = true;
  t.equal(await after(2_000), 'ready');
  there.state = false;
  t.equal(await after(2_000), 'state-away');
  await t.rejects(async () => health.assure(), { code: 'EG-1703' });
  there.state = true;
  t.equal(await after(2_000), 'ready');
  t.strictSame(
    said.filter((each, n) => each === said[n - 1]),
    [],
    'each is said once',
  );
});

t.test('a process that slept looks before it serves', async (t) => {
  const { now, there, others, health } = stand();
  await health.seen();
  now.ms += 30_000;
  const served = health.assure();
  t.ok(served, 'it waits for a look');
  await served;
  t.equal(health.standing(), 'ready');

  now.ms += 30_000;
  there.records = false;
  others.age = 100;
  await t.rejects(async () => health.assure(), { code: 'EG-1702' }, 'what it knew is no reason to serve');
});

t.test('where PostgreSQL holds everything, nothing goes on without it', async (t) => {
  const { there, health, after } = stand({ shared: false });
  there.records = there.state = false;
  t.equal(await after(2_000), 'records-away-here');
  await t.rejects(async () => health.assure(), { code: 'EG-1702' });
});

t.test('every standing has its words', async (t) => {
  for (const [name, { ready, serves, code, text }] of Object.entries(standings)) {
    t.ok(text, name);
    t.ok(serves || !ready, `${name}: who is ready serves`);
    t.ok(serves || code, `${name}: who is refused is told a code`);
  }
});
