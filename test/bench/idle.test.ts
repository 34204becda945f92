import t from 'tap';
import { wants } from '../support/wants.ts';
import { gateway, register } from './gateway.ts';
import { freePorts } from './ports.ts';

t.test('an idle gateway is small: heavy dictionaries load when first used', wants('redis-server'), async (t) => {
  const own = await gateway({ t, down: async () => {} }, await freePorts(3));
  const dictionaries = async () => (await own.program().meter()).modules.filter((path) => path.includes('@zxcvbn-ts'));
  t.same(await dictionaries(), [], 'none is loaded when it is ready');
  const { rss } = await own.program().meter();
  t.ok(rss <= 200 * 2 ** 20, `${Math.round(rss / 2 ** 20)} MiB of memory, at most 200`);
  await register(own, await own.own.people(1));
  t.not((await dictionaries()).length, 0, 'the first new password loads them');
});
