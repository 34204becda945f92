import { isIP } from 'node:net';
import type { Problem } from '../errors-problems.ts';
import { parseRedisUrl, redisUrlForms } from './redis-address.ts';
import type { Config } from './shape.ts';

/** What each setting alone cannot tell. */
export function contradictions(config: Config): Problem[] {
  const wrong: string[] = [];
  const { mode, issuer, lifetimes, accounts, province } = config;
  for (const [name, address] of [
    ['issuer', issuer],
    ['province.url', province.url],
  ] as const) {
    const url = URL.parse(address);
    if (!url || !/^https?:$/.test(url.protocol) || url.origin !== address)
      wrong.push(`${name} must be an origin, http(s)://host[:port] and nothing after it`);
  }
  // What is wrong with these is said without their values.
  if (config.database.url && !/^postgres(ql)?:\/\/./.test(config.database.url))
    wrong.push('database.url must begin with postgres://');
  if (config.redis.url && !parseRedisUrl(config.redis.url)) wrong.push(`redis.url must be one of ${redisUrlForms}`);
  if (config.listen.hosts.length === 0) wrong.push('listen.hosts must name an address');
  if (config.listen.port === config.admin.port) wrong.push('listen.port and admin.port must differ');
  for (const proxy of config.trustedProxies) {
    const [address = '', bits = '0', ...rest] = proxy.split('/');
    const most = isIP(address) === 6 ? 128 : 32;
    if (!isIP(address) || !/^\d{1,3}$/.test(bits) || Number(bits) > most || rest.length > 0)
      wrong.push(`trusted_proxies: ${proxy} is no address and no network`);
  }
  if (lifetimes.sessionIdle > lifetimes.sessionAbsolute)
    wrong.push('lifetimes.session_idle must not exceed lifetimes.session_absolute');
  if (accounts.firstPause > accounts.longestPause)
    wrong.push('accounts.first_pause must not exceed accounts.longest_pause');
  for (const [kept, total] of [
    ['messagesKept', 'messagesADay'],
    ['guessesKept', 'guessesAnHour'],
    ['checksKept', 'checksADayAccount'],
    ['checksKept', 'checksADayNumber'],
  ] as const)
    if (accounts[kept] >= accounts[total])
      wrong.push(`accounts.${snake(kept)} must be less than accounts.${snake(total)}`);
  return [...wrong.map(misconfigured), ...(mode === 'production' ? forDevelopmentOnly(config) : [])];
}

/** A problem of the file or of a variable, which the text names. */
export const misconfigured = (text: string): Problem => ({
  code: 'EG-1901',
  text,
  mend: 'correct it in the file or the variable it names; docs/limits.md has every setting with its bounds',
});

/** What production cannot do anything with, whichever verb is asked; what else it refuses to start with: src/doctor. */
function forDevelopmentOnly({ issuer, database, clockOffset }: Config): Problem[] {
  const found: Problem[] = [];
  if (!issuer.startsWith('https://'))
    found.push({
      code: 'EG-1910',
      text: `issuer must be https in production, and is ${issuer}`,
      mend: 'set issuer (EGRET_ISSUER) to the https origin people will see; TLS may end at a proxy named in trusted_proxies',
    });
  if (!database.url)
    found.push({
      code: 'EG-1914',
      text: 'database.url (EGRET_DATABASE_URL_FILE) is needed in production: the embedded database is for one machine',
      mend: 'set EGRET_DATABASE_URL_FILE to a file with postgres://user:password@host/database of a PostgreSQL 15 or newer',
    });
  if (clockOffset !== 0)
    found.push({
      code: 'EG-1921',
      text: 'clock_offset is for development only',
      mend: 'unset EGRET_TEST_CLOCK_OFFSET, and leave clock_offset out of the file',
    });
  return found;
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
