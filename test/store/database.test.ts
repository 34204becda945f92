import t from 'tap';
import { database } from '../support/database.ts';

t.test('a database of its own', async (t) => {
  const one = await database(t);
  const two = await database(t);
  await one.sql`create table here (id integer)`;
  t.match(await two.sql`select to_regclass('here') as it`, [{ it: null }]);
  t.match(await one.sql`show timezone`, [{ TimeZone: 'UTC' }]);
});
