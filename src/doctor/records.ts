import type { Problem } from '../errors-problems.ts';
import { lookAtKeys, readKeyEncryptionKey } from '../keys/keys.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { advising, type Check, type Subject, stopping } from './check.ts';
import { clientProblems } from './clients.ts';
import { clockProblems } from './clocks.ts';

/** What PostgreSQL tells. */
export const recordsChecks: readonly Check[] = [
  { ...stopping('PostgreSQL is 15 or newer', 'records', version), productionOnly: false },
  stopping("the database's user is an ordinary role", 'records', ordinaryRole),
  advising('the database is at this version', 'records', migrations),
  advising('a synchronous standby follows', 'records', standby, true),
  advising("this machine's clock and PostgreSQL's agree", 'records', async (subject) => {
    const { sql } = await subject.database();
    return clockProblems('PostgreSQL', subject.now, async () => {
      const [row] = await sql<{ at: Date }[]>`select clock_timestamp() as at`;
      return row?.at.getTime();
    });
  }),
  { ...stopping('the key-encryption key opens the keys', 'records', keys), productionOnly: false },
  stopping('no test people are among the accounts', 'records', testPeople),
  stopping('the clients of the records are fit for production', 'records', clients),
];

async function version({ database }: Subject): Promise<Problem[]> {
  const [row] = await (await database()).sql<{ number: string; text: string }[]>`
    select current_setting('server_version_num') as number, current_setting('server_version') as text`;
  if (Number(row?.number) >= 150_000) return [];
  return [
    {
      code: 'EG-1922',
      text: `the server of database.url is PostgreSQL ${row?.text}, and 15 is the oldest that will do`,
      mend: 'move the database to PostgreSQL 15 or newer (pg_upgrade, or pg_dump and restore)',
    },
  ];
}

/** Whoever is a member of such a role can become it, or read and run what it can. */
async function ordinaryRole({ database }: Subject): Promise<Problem[]> {
  const [row] = await (await database()).sql<{ name: string; powers: string | null }[]>`
    select current_user as name, string_agg(rolname, ', ' order by rolname) as powers
    from pg_roles
    where pg_has_role(session_user, oid, 'member') and (rolsuper or rolname in
      ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))`;
  if (!row?.powers) return [];
  return [
    {
      code: 'EG-1915',
      text: `the role of database.url is a superuser, or may become one (${row.powers.slice(0, 200)})`,
      mend: 'create a role for the gateway alone, the owner of its database: create role egret login password …; alter database … owner to egret',
    },
  ];
}

async function migrations({ database }: Subject): Promise<Problem[]> {
  const pending = await pendingMigrations(await database());
  if (pending.length === 0) return [];
  return [{ code: 'EG-1903', text: `the database lacks ${pending.join(', ')}`, mend: 'run `egret migrate`' }];
}

async function standby({ database }: Subject): Promise<Problem[]> {
  const [row] = await (await database()).sql<{ names: string; commit: string; following: string; hidden: string }[]>`
    select current_setting('synchronous_standby_names') as names, current_setting('synchronous_commit') as commit,
      count(*) filter (where sync_state in ('sync', 'quorum')) as following,
      count(*) filter (where sync_state is null) as hidden
    from pg_stat_replication`;
  const { names = '', commit = '', following = '0', hidden = '0' } = row ?? {};
  const mend =
    'set up a standby (pg_basebackup -R) and name it in synchronous_standby_names of the primary, with synchronous_commit on';
  if (names === '') return [{ code: 'EG-1923', text: 'synchronous_standby_names of PostgreSQL is empty', mend }];
  if (commit === 'off' || commit === 'local')
    return [{ code: 'EG-1923', text: `synchronous_commit of PostgreSQL is ${commit}`, mend }];
  if (Number(following) > 0) return [];
  if (Number(hidden) > 0)
    return [
      {
        code: 'EG-1926',
        text: 'the role of database.url may not see whether a standby follows',
        mend: 'grant pg_read_all_stats to it',
      },
    ];
  return [{ code: 'EG-1923', text: `no standby of synchronous_standby_names (${names}) follows now`, mend }];
}

/** The keys as the records hold them, opened with the configured key-encryption key; undefined before the first start. */
export async function openKeys({ config, database }: Subject): ReturnType<typeof lookAtKeys> {
  const bytes = await readKeyEncryptionKey(config.keyFile);
  return ifMade(lookAtKeys(await database(), bytes));
}

async function keys(subject: Subject): Promise<Problem[]> {
  await openKeys(subject);
  return [];
}

/** Mobiles of the test people, blocks that no operator gives out: 1540000 and the first ten thousand of 1541. */
const testMobiles = function* (): Generator<string> {
  for (const block of ['1540000', '1540001', '1541000'])
    for (let n = 0; n < 10_000; n++) yield block + String(n).padStart(4, '0');
};

async function testPeople(subject: Subject): Promise<Problem[]> {
  const opened = await openKeys(subject);
  if (!opened) return [];
  const indices = Array.from(testMobiles(), (mobile) => opened.vault.blindIndex('mobile', mobile).toString('hex'));
  const { sql } = await subject.database();
  const rows = await ifMade(sql<{ count: string }[]>`
    select count(*) from accounts
    where mobile_index in (select decode(each, 'hex') from regexp_split_to_table(${indices.join(' ')}::text, ' ') each)`);
  const count = Number(rows?.[0]?.count ?? 0);
  if (count === 0) return [];
  return [
    {
      code: 'EG-1912',
      text: `${count} accounts are test people, with mobiles of the simulator`,
      mend: 'begin production with a new database, one that no demonstration has used',
    },
  ];
}

async function clients({ database }: Subject): Promise<Problem[]> {
  const { sql } = await database();
  const rows = await ifMade(sql<{ definition: object }[]>`
    select definition from clients where state = 'active' order by client_id`);
  return (rows ?? []).flatMap(({ definition }) =>
    clientProblems(definition, 'correct its file and `egret clients apply`, or `egret clients stop` it'),
  );
}

/** undefined before the first migration: an empty database has nothing wrong in it. */
async function ifMade<T>(asked: PromiseLike<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return undefined;
    throw error;
  }
}
