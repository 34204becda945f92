import t from 'tap';
import { Citizen } from '../races/citizen.ts';
import { becomes, city, everyDoor, metric, roams, type Side, standings, timed } from '../support/outage.ts';
import { wants } from '../support/wants.ts';

t.setTimeout(120_000);

/** DESIGN rule 3 in short; test/faults/degraded.ts has all of it. */
t.test('a store is away', wants('redis-server'), async (t) => {
  const own = await city(t);
  const [one, other] = own.sides as [Side, Side];
  const citizen = await own.signedIn(own.people[0]!);
  const visitor = new Citizen(own.own);
  const asked = await visitor.form(visitor.visit('basic').url);

  await t.test('PostgreSQL, for everybody: who is signed in roams on, nobody signs in', async (t) => {
    const said = own.sides.map(standings);
    await own.wire.cut();
    await becomes(own.sides, { status: 200, reason: 'records-away', database: 'unreachable' });
    for (const side of own.sides) t.equal(await roams(own, citizen, side), 'in');
    t.equal(await metric(one, 'egret_standing{reason="records-away"}'), 1);
    const refused = await timed(() => visitor.fetch(asked.at));
    t.match(refused, { status: 503, retryAfter: '1', body: /EG-1702/ });
    t.match(await timed(() => fetch(`${other.origin}/outage`)), { status: 200, body: /EG-1702/ });
    await own.wire.mend();
    const back = await becomes(own.sides, { status: 200, reason: 'ready' });
    t.ok(back < 5_000, `ready after ${Math.round(back)} ms`);
    for (const each of said) t.strictSame(await each(), ['records-away', 'ready'], 'said once');
    t.equal((await visitor.fetch(asked.at)).status, 200);
  });

  await t.test('Redis: nobody is served, and nobody waits', async (t) => {
    await own.own.redis?.kill();
    for (const [door, told] of Object.entries(await everyDoor(own, citizen, one))) {
      t.match(told, { status: 503, retryAfter: '1', body: /EG-1703/ }, door);
      t.ok(told.ms < 1_000, `${door}: ${Math.round(told.ms)} ms`);
    }
    await becomes(own.sides, { status: 503, reason: 'state-away' });
    await own.own.redis?.start();
    const back = await becomes(own.sides, { status: 200, reason: 'ready' });
    t.ok(back < 5_000, `ready after ${Math.round(back)} ms`);
  });
});
