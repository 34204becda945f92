import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { readDefinitions } from '../clients/clients.ts';
import { parseRedisUrl, projectRoot } from '../config.ts';
import type { Problem } from '../errors-problems.ts';
import { isDevelopmentKey, readKeyEncryptionKey } from '../keys/keys.ts';
import { namesPrivateHost } from '../web/outbound/public-address.ts';
import { type Check, stopping } from './check.ts';
import { clientProblems } from './clients.ts';

/** What the configuration tells, with the files it names. */
export const configurationChecks: readonly Check[] = [
  {
    ...stopping('every setting is right, and fit for the mode', 'configuration', ({ problems }) => problems),
    productionOnly: false,
  },
  stopping('the key-encryption key is there, closed to others, and not of development', 'configuration', keyFile),
  stopping('no password of a store is one that is tried first', 'configuration', ({ config }) =>
    (['database', 'redis'] as const).flatMap((store) => passwordProblems(store, config[store].url)),
  ),
  stopping('the province is not the simulator', 'configuration', simulator),
  stopping('the province is called by https, at a public address', 'configuration', ({ config: { province } }) => {
    const url = URL.parse(province.url);
    if (!url || isLoopback(hostOf(province.url)) || (url.protocol === 'https:' && !namesPrivateHost(url))) return [];
    return [
      {
        code: 'EG-1927',
        text: `province.url ${province.url} is not called: only https is, and no private address`,
        mend: 'set province.url to the https origin of the provincial platform, by its public name',
      },
    ];
  }),
  stopping('operators come by another host than citizens', 'configuration', ({ config: { issuer, admin } }) => {
    const host = hostOf(issuer);
    if (!isLoopback(host) && host !== admin.host) return [];
    return [
      {
        code: 'EG-1917',
        text: `the host of issuer (${host}) is this machine itself, where the operators' listener is (${admin.host}, localhost)`,
        mend: 'set issuer (EGRET_ISSUER) to the public name of the gateway; the operators stay on loopback',
      },
    ];
  }),
  stopping('trusted proxies are named, not everyone', 'configuration', ({ config }) =>
    config.trustedProxies.filter(isNearlyEveryone).map((network) => ({
      code: 'EG-1918',
      text: `trusted_proxies has ${network}, whose members could claim any address`,
      mend: 'name the addresses of your proxies in trusted_proxies, or their network, /8 (IPv6: /16) at the widest',
    })),
  ),
  stopping('the definitions of clients are fit for production', 'configuration', async ({ config }) => {
    // The folder of the project holds the demo departments; it is read in development, and by who names it.
    if (config.clientsFolder === join(projectRoot, 'config/clients')) return [];
    return (await readDefinitions([config.clientsFolder])).flatMap((definition) =>
      clientProblems(definition, 'correct its file, then `egret clients apply`'),
    );
  }),
];

async function keyFile({ config }: Parameters<Check['find']>[0]): Promise<Problem[]> {
  const mend =
    'write 32 random bytes in base64url to the file that key_file (EGRET_KEY_FILE) names, mode 0600, and keep a copy ' +
    'elsewhere: umask 077; openssl rand 32 | basenc --base64url | tr -d "=\\n" > FILE; a database that was in use ' +
    'needs its own key back from the backup';
  let key: Buffer | undefined;
  try {
    key = await readKeyEncryptionKey(config.keyFile);
  } catch (error) {
    return [{ code: 'EG-1803', text: (error as Error).message, mend }];
  }
  if (!key) return [{ code: 'EG-1803', text: `the key-encryption key ${config.keyFile} is missing`, mend }];
  if (!isDevelopmentKey(key)) return [];
  return [
    {
      code: 'EG-1911',
      text: `the key-encryption key ${config.keyFile} was made by a development start`,
      mend: `begin production with a new database and a key of its own: ${mend}`,
    },
  ];
}

/** Passwords of examples, packages and habit. */
const triedFirst = new Set(
  'admin changeme default demo dev development egret example guest password passwd postgres redis root secret test 123456'.split(
    ' ',
  ),
);

function passwordProblems(store: 'database' | 'redis', url: string | undefined): Problem[] {
  const parsed = url === undefined ? null : URL.parse(url);
  // a URL with several hosts is none to URL.parse
  const redis = url !== undefined && store === 'redis' ? parseRedisUrl(url) : undefined;
  const given = redis?.password ?? decoded(parsed?.password || (parsed?.searchParams.get('password') ?? ''));
  const user = redis?.username ?? decoded(parsed?.username ?? '');
  if (!given || (!triedFirst.has(given.toLowerCase()) && given !== user)) return [];
  return [
    {
      code: 'EG-1911',
      text: `the password in ${store}.url is one of those that are tried first`,
      mend: `give the user a random password (openssl rand -base64 24), in the file that EGRET_${store.toUpperCase()}_URL_FILE names`,
    },
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function simulator({ config: { province } }: Parameters<Check['find']>[0]): Problem[] {
  const found: Problem[] = [];
  if (isLoopback(hostOf(province.url)))
    found.push({
      code: 'EG-1913',
      text: `province.url ${province.url} is this machine, where only the simulator answers`,
      mend: 'set province.url to the origin of the provincial platform (省统一认证)',
    });
  if (existsSync(join(dirname(province.platformKeysFile), 'province.json')))
    found.push({
      code: 'EG-1913',
      text: `province.platform_keys_file ${province.platformKeysFile} is in the folder of the simulator, whose keys it holds`,
      mend: 'set province.platform_keys_file to the file the provincial platform handed over',
    });
  return found;
}

/** The host of an origin, an IPv6 address without its brackets. */
const hostOf = (origin: string): string => (URL.parse(origin)?.hostname ?? '').replace(/^\[|\]$/g, '');

const isLoopback = (host: string): boolean =>
  /^(localhost\.?|.*\.localhost\.?|127\.[\d.]+|0\.0\.0\.0|::1?|::ffff:7f[\da-f]{2}:[\da-f]{1,4})$/.test(host);

/** All of IPv4 in sixteenths is still everyone: what is wider than any network of one owner. */
function isNearlyEveryone(network: string): boolean {
  const [address = '', bits] = network.split('/');
  const wide = isIP(address) === 6 ? 128 : 32;
  const length = bits === undefined ? wide : Number(bits);
  if (/^::ffff:/i.test(address)) return length < 96 + 8;
  return length < (wide === 128 ? 16 : 8);
}
