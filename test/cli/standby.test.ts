import { join } from 'node:path';
import t from 'tap';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { program, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { debianBinaries } from '../support/servers.ts';
import { wants } from '../support/wants.ts';
import { productionCity, told } from './production.ts';

t.setTimeout(240_000);

t.test(
  'doctor: a standby that is named, that follows, that may be seen',
  wants('postgresql', 'redis-server'),
  async (t) => {
    const city = await productionCity(t);
    // A server of its own: who names a standby makes every commit of a server wait for it.
    const binaries = debianBinaries();
    if (!binaries) throw new Error('no PostgreSQL on this machine');
    const server = await startEmbedded(scratch(t, 'standby', 0o711), { binaries, settings: ['fsync=off'] });
    t.teardown(() => server.release());
    const { sql, close } = openDatabase({ socket: server.socket, database: 'postgres', max: 1 });
    t.teardown(close);
    await sql.unsafe('create role city login');
    await sql.unsafe('create database city owner city');
    const folder = join(server.socket, '..');
    const env = { EGRET_DATABASE_URL: `postgres://city@localhost/city?host=${encodeURIComponent(folder)}` };
    const asked = async () => {
      const ran = await city.run('doctor', { env });
      return { good: /^ok {3}a synchronous standby follows$/m.test(ran.out), said: told(ran.err).join('\n') };
    };
    t.match(await asked(), {
      good: false,
      said: /EG-1923 .*synchronous_standby_names .* is empty.*Mend: set up a standby/,
    });

    // As much of a standby as a primary knows of it: one that has the log on its disk.
    const follower = program(t, join(binaries.folder, 'pg_receivewal'), [
      ...['-D', scratch(t, 'wal'), '--synchronous'],
      ...['-d', `host=${folder} user=egret application_name=standby`],
    ]);
    await until(async () => (await sql`select from pg_stat_replication where state = 'streaming'`).length > 0);
    await sql.unsafe("alter system set synchronous_standby_names = 'standby'");
    await sql`select pg_reload_conf()`;
    await until(async () => (await sql`select from pg_stat_replication where sync_state = 'sync'`).length > 0);
    t.match(await asked(), { good: false, said: /EG-1926 .*may not see.*Mend: grant pg_read_all_stats/ });
    await sql.unsafe('grant pg_read_all_stats to city');
    t.match(await asked(), { good: true });
    await sql.unsafe('alter role city set synchronous_commit = off');
    t.match(await asked(), { good: false, said: /EG-1923 .*synchronous_commit of PostgreSQL is off/ });
    await sql.unsafe('alter role city reset synchronous_commit');

    await follower.stop('SIGKILL');
    await until(async () => (await sql`select from pg_stat_replication`).length === 0);
    t.match(await asked(), {
      good: false,
      said: /EG-1923 .*no standby of synchronous_standby_names \(standby\) follows now/,
    });
  },
);
