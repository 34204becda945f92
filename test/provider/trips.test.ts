import t from 'tap';
import { redisState } from '../../src/provider/provider.ts';
import { closeRedis, openRedis, redisReady } from '../../src/store/redis.ts';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { code, jwks, post, redeem } from '../support/department.ts';
import { accountId, op } from '../support/op.ts';
import { epochsAlone, redis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';
import { wire } from '../support/wire.ts';

t.test('what a request costs, counted on the wire before Redis', wants('redis-server'), async (t) => {
  const server = await redis(t);
  const counted = await wire(t, server.url);
  const client = openRedis(counted.url);
  t.teardown(() => closeRedis(client));
  await redisReady(client);
  const own = await op(t, await database(t), redisState(client, epochsAlone), jwks);
  const now = Date.now();
  for (const id of ['basic', 'signed', 'public']) {
    own.standing.set(`${accountId} ${id}`, {
      granted: ['profile'],
      declined: [],
      noticeOff: true,
      givenAt: now,
      itemsVersion: own.wording(id),
    });
  }
  const jar = new Jar();
  await redeem(own, 'public', await code(own, jar, 'public'));
  for (const warm of ['basic', 'signed']) await redeem(own, warm, await code(own, new Jar(), warm));

  for (const [id, commands] of [
    ['basic', 4],
    ['signed', 5],
  ] as const) {
    await t.test(`a first visit of the session, consent standing, notice off: ${id}`, async (t) => {
      counted.reset();
      const issued = await code(own, jar, id, { scope: 'openid profile' });
      t.same([counted.trips, counted.commands.length], [2, 2], 'authorization');
      const tokens = await redeem(own, id, issued);
      t.equal(tokens.status, 200);
      t.equal(counted.trips, 4, 'sequential trips');
      t.equal(counted.commands.length, commands, `commands: ${counted.commands}`);

      counted.reset();
      const info = await fetch(`${own.issuer}/userinfo`, {
        headers: { authorization: `Bearer ${tokens.json.access_token}` },
      });
      t.equal(info.status, 200);
      t.equal(counted.trips, 1, 'userinfo');

      counted.reset();
      t.match((await post(own, '/introspect', id, { token: String(tokens.json.access_token) })).json, { active: true });
      t.equal(counted.trips, 1, 'introspection');
    });
  }
  await t.test('refresh and client credentials', async (t) => {
    const tokens = await redeem(own, 'public', await code(own, jar, 'public', { scope: 'openid profile' }));
    counted.reset();
    t.equal(
      (
        await post(own, '/token', 'public', {
          grant_type: 'refresh_token',
          refresh_token: String(tokens.json.refresh_token),
        })
      ).status,
      200,
    );
    t.equal(counted.trips, 2, 'refresh');
    counted.reset();
    t.equal((await post(own, '/token', 'basic', { grant_type: 'client_credentials' })).status, 200);
    t.equal(counted.trips, 1, 'client credentials');
  });
});
