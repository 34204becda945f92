import t from 'tap';
import { wants } from '../support/wants.ts';
import { assertions, codes, refreshedInside, refreshedOutside, resumed } from './departments.ts';
import { rightCodes, tickets, wrongCodes } from './people.ts';
import { world } from './world.ts';

// Every single-use thing, over the wire, at two gateway processes by turns: 20 at once, 25 times, on either engine.
t.setTimeout(700_000);

const engines = [
  ['PostgreSQL', {}, { redis: false }],
  ['Redis', wants('redis-server'), { redis: true }],
] as const;

for (const [name, needs, engine] of engines)
  t.test(`protocol state in ${name}`, { ...needs, timeout: 340_000 }, async (t) => {
    const here = await world(t, engine);
    let resumption: Awaited<ReturnType<typeof resumed>>;
    await t.test('an interaction goes on', async (t) => {
      resumption = await resumed(t, here);
    });
    await t.test('an authorization code', (t) => codes(t, here));
    await t.test('an assertion', (t) => assertions(t, here));
    await t.test('a refresh token inside its window', (t) => refreshedInside(t, here));
    await t.test('a code by SMS', (t) => rightCodes(t, here));
    await t.test('guesses of a code', (t) => wrongCodes(t, here));
    await t.test('a trust ticket', (t) => tickets(t, here));
    await t.test('a refresh token outside its window', (t) => refreshedOutside(t, here, resumption));
    for (const gateway of here.own.gateways)
      t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
  });
