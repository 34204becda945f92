import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { wants } from '../support/wants.ts';
import { codes, definition, ownKey, productionCity, told } from './production.ts';

t.setTimeout(240_000);

t.test('production: what the configuration alone tells', wants('postgresql', 'redis-server'), async (t) => {
  const city = await productionCity(t);
  const { run, folder } = city;
  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name);
    fs.mkdirSync(join(path, '..'), { recursive: true });
    fs.writeFileSync(path, text, { mode });
    return path;
  };
  const clients = (name: string, bent: object): string => {
    file(`${name}/renshe.yaml`, stringify(definition(bent)));
    return join(folder, name);
  };
  const province = { url: 'https://province.invalid', platform_keys_file: join(folder, 'platform.json') };
  file('simulator/province.json', '{}');
  const good = await run('config check');
  t.strictSame([good.code, good.err], [0, ''], 'what production wants is in order');

  const rows: readonly (readonly [what: string, env: Record<string, string>, code: string, text: RegExp])[] = [
    ['an http issuer', city.with({ issuer: 'http://id.city.example' }), 'EG-1910', /https origin people will see/],
    ['no database', { EGRET_DATABASE_URL: '' }, 'EG-1914', /EGRET_DATABASE_URL_FILE to a file/],
    ['a moved clock', { EGRET_TEST_CLOCK_OFFSET: '1000' }, 'EG-1921', /unset EGRET_TEST_CLOCK_OFFSET/],
    ['no key', { EGRET_KEY_FILE: join(folder, 'none') }, 'EG-1803', /none is missing.*write 32 random bytes/],
    ['an open key', { EGRET_KEY_FILE: file('open', ownKey(), 0o644) }, 'EG-1803', /is open to other users.*mode 0600/],
    ['half a key', { EGRET_KEY_FILE: file('half', 'AAAA') }, 'EG-1803', /not 32 bytes.*write 32 random bytes/],
    [
      "development's key",
      { EGRET_KEY_FILE: file('dev', `dev_${ownKey().slice(4)}`) },
      'EG-1911',
      /made by a development start.*a key of its own/,
    ],
    [
      "development's password",
      { EGRET_DATABASE_URL: city.env.EGRET_DATABASE_URL?.replace('@', ':Egret@') ?? '' },
      'EG-1911',
      /database\.url.*tried first.*EGRET_DATABASE_URL_FILE/,
    ],
    ['the simulator', city.with({ province: { ...province, url: 'http://127.0.0.1:4100' } }), 'EG-1913', /省统一认证/],
    [
      'a province by http',
      city.with({ province: { ...province, url: 'http://province.invalid' } }),
      'EG-1927',
      /https/,
    ],
    ['a private province', city.with({ province: { ...province, url: 'https://10.1.2.3' } }), 'EG-1927', /public name/],
    [
      "the simulator's keys",
      city.with({ province: { ...province, platform_keys_file: join(folder, 'simulator/platform-public.json') } }),
      'EG-1913',
      /the file the provincial platform handed over/,
    ],
    [
      "the operators' host",
      city.with({ issuer: 'https://localhost:4001' }),
      'EG-1917',
      /the public name of the gateway/,
    ],
    [
      'any IPv4 proxy',
      city.with({ trusted_proxies: ['10.0.0.0/8', '0.0.0.0/0'] }),
      'EG-1918',
      /0\.0\.0\.0\/0.*name the/,
    ],
    ['any IPv6 proxy', city.with({ trusted_proxies: ['::/0'] }), 'EG-1918', /::\/0.*name the addresses/],
    ['half of everyone', city.with({ trusted_proxies: ['128.0.0.0/1'] }), 'EG-1918', /128\.0\.0\.0\/1.*name the/],
    ['everyone, mapped', city.with({ trusted_proxies: ['::ffff:0.0.0.0/96'] }), 'EG-1918', /name the addresses/],
    [
      'no PKCE',
      { EGRET_CLIENTS: clients('pkce', { require_pkce: false }) },
      'EG-1919',
      /renshe.*take require_pkce out/,
    ],
    [
      'an http redirect',
      { EGRET_CLIENTS: clients('http', { redirect_uris: ['http://renshe.example/callback'] }) },
      'EG-1920',
      /redirect_uris http:\/\/renshe\.example\/callback must be https.*name an https address/,
    ],
  ];
  const shades = new Set([
    'a private province',
    'an open key',
    'half a key',
    'any IPv6 proxy',
    'half of everyone',
    'everyone, mapped',
  ]);
  for (const [what, env, code, text] of rows) {
    // One table drives both: what differs only in its shade is asked of one of them.
    const verbs = shades.has(what) ? ['config check'] : ['serve', 'config check'];
    for (const [verb, ran] of await Promise.all(verbs.map(async (verb) => [verb, await run(verb, { env })] as const))) {
      t.equal(ran.code, 1, `${what}: ${verb}`);
      const lines = told(ran.err);
      t.strictSame(codes(lines), [code], `${what}: ${verb}: ${ran.err}`);
      t.match(lines[0], text);
      t.match(lines[0], /\. Mend: \S.*\.$/);
    }
  }
  const named = await run('config check', { env: { EGRET_REDIS_URL: 'redis://xiamen:xiamen@redis.example' } });
  t.equal(named.code, 1);
  t.match(named.err, /^EG-1911 {2}the password in redis\.url .*tried first.*EGRET_REDIS_URL_FILE/);
  const everyone = await run('config check', { env: city.with({ trusted_proxies: true }) });
  t.equal(everyone.code, 1);
  t.strictSame(codes(told(everyone.err)), ['EG-1901', 'EG-1918', 'EG-1918'], 'true is no list, and means everyone');
  t.equal((await city.db.sql`select from pg_tables where schemaname = 'public'`).length, 0, 'nothing was written');
});
