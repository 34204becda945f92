import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { runner } from '../cli/world.ts';
import { Citizen, mustGoOn } from '../races/citizen.ts';
import { database } from '../support/database.ts';
import { authenticate, jwks, post } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { type Pair, type Person, pair } from '../support/pair.ts';
import { node, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { wants } from '../support/wants.ts';
import { digests } from './rows.ts';

t.setTimeout(240_000);

const cli = resolve(import.meta.dirname, '../../src/cli/main.ts');
const password = 'otter-canal-92-plum';
const clients = () => [
  client('public', {
    auth: 'none',
    kind: 'browser',
    grants: ['authorization_code', 'refresh_token'],
    origins: [new URL(redirect).origin],
  }),
  client('signed', { auth: 'private_key_jwt', grants: ['authorization_code', 'client_credentials'], jwks }),
];

/** Where a backup goes: an address for the programs, and a look into it that is no gateway's. */
interface Target {
  readonly env: Record<string, string>;
  look<T>(work: (db: Database) => Promise<T>): Promise<T>;
}

/** A data folder that does not exist yet. */
function freshFolder(t: Test): Target {
  const folder = join(scratch(t, 'restored', 0o711), 'data');
  return {
    env: { EGRET_DATA: folder, EGRET_DATABASE_URL: '' },
    async look(work) {
      const server = await startEmbedded(folder);
      const db = openDatabase({ ...server, applicationName: 'test' });
      return work(db).finally(async () => {
        await db.close();
        server.release();
      });
    },
  };
}

async function emptyDatabase(t: Test): Promise<Target> {
  const db = await database(t, { engine: 'debian', empty: true, pool: { applicationName: 'test' } });
  return { env: { EGRET_DATABASE_URL: db.url }, look: (work) => work(db) };
}

const ways = [
  ['embedded, into a fresh data folder', {}, { engine: 'embedded', redis: false }, freshFolder],
  [
    'the system’s PostgreSQL, with a Redis that outlives it',
    wants('postgresql', 'redis-server'),
    { engine: 'debian', redis: true },
    emptyDatabase,
  ],
] as const;

for (const [name, needs, options, target] of ways)
  t.test(name, { ...needs, timeout: 120_000 }, async (t) => {
    const own = await pair(t, { ...options, clients });
    const department = { issuer: own.issuer, secret: '' };
    const [stays, comesLater] = (await own.people(2)) as [Person, Person];
    const citizen = new Citizen(own);
    await citizen.arrive(await citizen.register(stays, citizen.visit('public').url, { password, realName: true }));
    const issued = await tokens(department, await citizen.roam('public'));
    t.match(await me(own, issued), { status: 200 });
    const file = join(scratch(t, 'backup'), 'city.backup');
    await until(async () => (await own.database.sql`select from outbox where state = 'waiting'`).length === 0);
    const before = await digests(own.database);

    await t.test('a backup, while gateways run', async (t) => {
      const said = await own.egret('backup', file);
      t.match(said, /city\.backup: \d+ rows of \d+ tables, \d+ bytes/);
      t.equal(fs.statSync(file).mode & 0o777, 0o600);
      t.strictSame(fs.readdirSync(join(file, '..')), ['city.backup'], 'nothing is left beside it');
      const key = fs.readFileSync(own.env.EGRET_KEY_FILE ?? '', 'utf8').trim();
      for (const secret of [key, stays.name, stays.number, stays.mobile, password])
        t.notOk(fs.readFileSync(file).includes(secret));
      t.match(await own.egret('audit', 'tail', '--limit', '1'), /records\.backed-up +success/);
    });

    // after the backup, and so lost with it: a person, a sign-in half-way, a code, a refreshed token, an assertion
    const later = new Citizen(own);
    await later.arrive(await later.register(comesLater, later.visit('public').url, { password }));
    const half = new Citizen(own);
    const resume = await almostIn(half, stays);
    const code = await citizen.roam('public');
    const refreshed = await refresh(department, issued.refresh_token);
    t.equal(refreshed.status, 200);
    const signed = await authenticate(department, 'signed', { grant_type: 'client_credentials' });
    const assert = (): Promise<number> =>
      fetch(`${own.issuer}/token`, { method: 'POST', ...signed }).then(({ status }) => status);
    t.equal(await assert(), 200);

    const to = await target(t);
    const env = { ...own.env, ...to.env };
    const run = runner(t, env);
    await t.test('while gateways run, nothing is replaced', async (t) => {
      const refused = await runner(t, { ...own.env })(`restore ${file} --replace --yes`);
      t.equal(refused.code, 1);
      t.match(refused.err, /^EG-1943 .*gateways are at work/);
      t.match(await me(own, refreshed.json), { status: 200 });
    });
    for (const gateway of own.gateways) await gateway.stop();

    await t.test('the restore', async (t) => {
      const done = await run(`restore ${file}`);
      t.equal(done.code, 0, done.err);
      t.match(done.out, /every session is ended; 1 stood in the backup\nthe audit trail is whole: \d+ events/);
      t.match(done.out, /what was recorded after 20\S+Z is not in it/);
      t.match(done.err, /is undone: do again what disabled accounts/);
      const again = await run(`restore ${file}`);
      t.equal(again.code, 1);
      t.match(again.err, /^EG-1942 .*not empty \(1 accounts, /);
    });
    await t.test('every row is there', async (t) => {
      t.strictSame(await to.look(digests), before);
      const next = await to.look((db) => db.sql`select nextval('consent_receipts_id_seq') as next`);
      const [last] = await to.look((db) => db.sql`select max(id) as last from consent_receipts`);
      t.ok(Number(next[0]?.next) > Number(last?.last), 'numbers go on where they were');
    });

    const gateway = node(t, cli, ['serve'], { env });
    await until(() => answers(own));
    const after: Pair = { ...own, sides: [own.sides[0], own.sides[0]] };

    await t.test('nobody is signed in, by whatever way', async (t) => {
      for (const [who, jar] of [
        ['before', citizen.jar],
        ['since', later.jar],
      ] as const) {
        const { error } = await new Citizen(after, jar).roam('public', { prompt: 'none' });
        t.equal(error, 'login_required', `the cookie of a session of ${who} the backup`);
      }
      const back = await new Citizen(after, half.jar).open(resume);
      t.notOk(back.to?.includes('code='), 'a sign-in that was half-way');
      const { error } = await new Citizen(after, half.jar).roam('public', { prompt: 'none' });
      t.equal(error, 'login_required');
      t.match(await tokensOrError(department, code), { error: 'invalid_grant' }, 'a code');
      t.match(await refresh(department, refreshed.json.refresh_token), { status: 400 }, 'a refresh token');
      t.match(await refresh(department, issued.refresh_token), { status: 400 }, 'the one before it');
      t.match(await me(own, refreshed.json), { status: 401 }, 'an access token');
      t.equal(await assert(), 401, 'an assertion that was used');
      const fresh = await authenticate(department, 'signed', { grant_type: 'client_credentials' });
      t.match(
        await fetch(`${own.issuer}/token`, { method: 'POST', ...fresh }),
        { status: 200 },
        'and a new one is good',
      );
    });

    await t.test('the person comes back with the password of then', async (t) => {
      const again = new Citizen(after);
      await again.arrive(await almostIn(again, stays));
      t.match(await tokens(department, await again.roam('public')), { access_token: String });
      const nobody = new Citizen(after);
      await t.rejects(almostIn(nobody, comesLater), /no way on/, 'who came after the backup is not there');
    });

    await gateway.stop();
    const whole = await run('audit verify');
    t.equal(whole.code, 0, whole.out);
    t.match(whole.out, /the trail is whole/);
    t.match((await run('audit tail --limit 200')).out, /records\.restored +success/);
    t.notMatch(gateway.output(), /unexpected fault|"level":50/);
  });

/** With the password, up to the address where the sign-in becomes a session. */
async function almostIn(citizen: Citizen, person: Person): Promise<string> {
  const { at } = await citizen.form(citizen.visit('public').url);
  return mustGoOn(await citizen.send(at, 'password', { login_id: person.mobile, password }));
}

type Department = { issuer: string; secret: string };

const tokensOrError = async (of: Department, issued: { code: string; verifier: string }) =>
  (
    await post(of, '/token', 'public', {
      grant_type: 'authorization_code',
      code: issued.code,
      code_verifier: issued.verifier,
      redirect_uri: redirect,
    })
  ).json;

async function tokens(of: Department, issued: { code: string; verifier: string }) {
  const json = await tokensOrError(of, issued);
  if (!json.access_token) throw new Error(`no tokens: ${JSON.stringify(json)}`);
  return json;
}

const refresh = (of: Department, token: unknown) =>
  post(of, '/token', 'public', { grant_type: 'refresh_token', refresh_token: String(token) });

const me = ({ issuer }: { issuer: string }, { access_token }: Record<string, unknown>): Promise<Response> =>
  fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } });

const answers = ({ issuer }: Pair): Promise<boolean> =>
  fetch(`${issuer}/.well-known/openid-configuration`).then(
    ({ ok }) => ok,
    () => false,
  );
