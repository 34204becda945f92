import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { accountsDefaults } from '../../src/accounts/accounts.ts';
import { errorsTable } from '../../src/cli/config.ts';
import { allSettings } from '../../src/config/settings.ts';
import { limitsTable, loadConfig } from '../../src/config.ts';
import { EgretError } from '../../src/errors.ts';
import { scratch } from '../support/scratch.ts';

const root = resolve(import.meta.dirname, '../..');
const defaults = () => loadConfig({ env: {} });

/** The problems of a file's text and an environment, a line each; none when it is taken. */
function problems(t: Test, yaml: string, env: NodeJS.ProcessEnv = {}): string[] {
  const file = join(scratch(t, 'config'), 'egret.yaml');
  fs.writeFileSync(file, yaml);
  try {
    loadConfig({ env, file });
    return [];
  } catch (error) {
    if (!(error instanceof EgretError) || error.code !== 'EG-1901') throw error;
    return error.message.split('\n');
  }
}

t.test('the file of the project and the defaults', async (t) => {
  const config = defaults();
  t.match(config, {
    mode: 'development',
    basePort: 4000,
    issuer: 'http://localhost:4000',
    listen: { hosts: ['127.0.0.1', '::1'], port: 4000 },
    admin: { host: '127.0.0.1', port: 4001 },
    dataFolder: join(root, '.data'),
    keyFile: join(root, 'keys/key-encryption.key'),
    clientsFolder: join(root, 'config/clients'),
    province: {
      url: 'http://127.0.0.1:4100',
      callerCode: 'EGRET',
      platformKeysFile: join(root, '.data/province/platform-public.json'),
    },
    lifetimes: { code: 60, sessionIdle: 1800, sessionAbsolute: 43_200, refreshWindow: 10 },
    limits: { codesPerAddress: { count: 20, seconds: 3600 } },
    clockOffset: 0,
    logLevel: 'info',
  });
  t.equal(config.database.url, undefined);
  t.equal(config.redis.url, undefined);
  for (const [name, value] of Object.entries(config.accounts))
    t.strictSame(value, accountsDefaults[name as keyof typeof accountsDefaults], `accounts.${name}`);
});

t.test('all ports shift together', async (t) => {
  t.match(loadConfig({ env: { EGRET_BASE_PORT: '5000' } }), {
    issuer: 'http://localhost:5000',
    listen: { port: 5000 },
    admin: { port: 5001 },
    province: { url: 'http://127.0.0.1:5100' },
  });
});

t.test('the environment is stronger than the file, and brings what is secret', async (t) => {
  const folder = scratch(t, 'config');
  const file = join(folder, 'egret.yaml');
  fs.writeFileSync(file, 'log_level: warn\ndata_folder: elsewhere\naccounts:\n  first_pause: 60\n');
  fs.writeFileSync(join(folder, 'url'), 'postgres://egret:hidden@db.example/egret\n');
  const env = { EGRET_LOG: 'debug', EGRET_DATABASE_URL_FILE: join(folder, 'url'), EGRET_REDIS_URL: '' };
  const config = loadConfig({ env: { ...env, EGRET_CONFIG: file } });
  t.equal(config.logLevel, 'debug');
  t.equal(config.dataFolder, join(root, 'elsewhere'));
  t.equal(config.province.platformKeysFile, join(root, 'elsewhere/province/platform-public.json'));
  t.equal(config.accounts.firstPause, 60_000, 'seconds in the file, milliseconds in the room');
  t.equal(config.database.url, 'postgres://egret:hidden@db.example/egret');
  t.equal(config.redis.url, undefined, 'empty is not given');
});

t.test('every problem is told at once, without what is secret', async (t) => {
  const found = problems(
    t,
    [
      'mode: production',
      'issuer: http://a.example/',
      'lisen: 1',
      'lifetimes: { code: 61, session_idle: 50000, extra: 1 }',
      'limits: { codes_per_address: { count: many } }',
      'trusted_proxies: [10.0.0.0/33, 10.0.0.0/8]',
      'database: { url: "postgres://a:hidden@c/d" }',
    ].join('\n'),
    { EGRET_BASE_PORT: '4000x', EGRET_LGO: 'info', EGRET_REDIS_URL: 'http://:hidden@c', EGRET_TEST_CLOCK_OFFSET: '5' },
  );
  for (const said of [
    /lisen is no setting/,
    /lifetimes\.code must be <= 60/,
    /lifetimes\.extra is no setting/,
    /codes_per_address\.count must be integer/,
    /trusted_proxies: 10\.0\.0\.0\/33 /,
    /database\.url holds a password: give it in EGRET_DATABASE_URL_FILE/,
    /EGRET_BASE_PORT must be a whole number/,
    /EGRET_LGO is no variable/,
    /redis\.url must be one of/,
    /issuer must be an origin/,
    /issuer must be https in production/,
    /session_idle must not exceed/,
    /clock_offset .* development only/,
  ])
    t.equal(found.filter((line) => said.test(line)).length, 1, `${said}`);
  t.equal(found.length, 13, found.join('\n'));
  t.notMatch(found.join('\n'), /hidden/);
});

t.test('what is refused alone', async (t) => {
  const cases: readonly (readonly [yaml: string, said: RegExp, env?: NodeJS.ProcessEnv])[] = [
    ['mode: production', /issuer must be https/],
    ['mode: production\nissuer: https://id.example', /database\.url .* is needed in production/],
    ['base_port: 4000\nbase_port: 4001', /unique/],
    ['- a', /must be a list of settings/],
    ['listen: { hosts: [] }', /listen\.hosts/],
    ['admin: { host: 0.0.0.0 }', /admin\.host .*127\.0\.0\.1/],
    ['accounts: { messages_kept: 10 }', /messages_kept must be less than accounts\.messages_a_day/],
    ['lifetimes: 5', /lifetimes must be object/],
    ['', /both given/, { EGRET_REDIS_URL: 'redis://a', EGRET_REDIS_URL_FILE: '/dev/null' }],
    ['', /EGRET_DATABASE_URL_FILE: ENOENT/, { EGRET_DATABASE_URL_FILE: 'no/such/file' }],
  ];
  for (const [yaml, said, env] of cases) t.match(problems(t, yaml, env).join('\n'), said, yaml || `${said}`);
  t.strictSame(
    problems(t, 'mode: production\nissuer: https://id.example', { EGRET_DATABASE_URL: 'postgres://e:s@db/egret' }),
    [],
  );
  t.throws(() => loadConfig({ env: { EGRET_CONFIG: 'config/no-such.yaml' } }), { code: 'EG-1901', message: /ENOENT/ });
});

t.test('every setting says what it is, and the pages are what the tables print', async (t) => {
  for (const { path, description, unit, numeric } of allSettings()) {
    t.ok(description, path.join('.'));
    if (numeric) t.ok(unit, `${path.join('.')} has a unit`);
  }
  const read = (name: string) => fs.readFileSync(join(root, name), 'utf8');
  t.equal(read('docs/limits.md'), limitsTable(), 'src/cli/egret config limits > docs/limits.md');
  t.equal(read('docs/errors.md'), errorsTable(), 'src/cli/egret config errors > docs/errors.md');
});
