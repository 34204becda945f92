/** Where protocol state is, as `redis.url` says. */
export interface RedisAddress {
  readonly way: 'single' | 'cluster' | 'sentinel';
  /** The server; nodes of a cluster, by which the others are found; Sentinels. None where there is a socket. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly socket?: string;
  /** How the Sentinels call their primary. */
  readonly group?: string;
  readonly username?: string;
  readonly password?: string;
  /** The Sentinels ask for the same user and password. */
  readonly sentinelAuth: boolean;
  readonly tls: boolean;
  readonly db: number;
}

/** What `parseRedisUrl` takes, in words. */
export const redisUrlForms =
  'redis://host:port/db, rediss:// (TLS) or unix:///path?db=0; a cluster: several hosts with commas between, or one and ?cluster; Sentinel: sentinel:// or sentinels:// (TLS), their hosts, /name';

const remote = /^(rediss?|sentinels?):\/\/(?:([^@/?]*)@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const local = /^(?:unix:(?:\/\/)?)?(\/[^?]*)(?:\?db=(\d+))?$/;

/**
 * Reads one of
 * - `redis://[user:password@]host[:port][/db]`, `rediss://…` over TLS, `unix:///path?db=0` or a bare path: one server;
 * - `redis://[user:password@]host:port,host:port,…`, or one host with `?cluster`: a cluster;
 * - `sentinel://[user:password@]host[:port],…/name[?db=0][&auth]`, `sentinels://…` over TLS: a group under Sentinel;
 *   `auth` where the Sentinels have the same user and password.
 *
 * Undefined for anything else, a parameter that is not known too: it would be an option of the client's own.
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const path = local.exec(url);
  if (path)
    return {
      way: 'single',
      hosts: [],
      socket: decoded(path[1] as string),
      sentinelAuth: false,
      tls: false,
      db: Number(path[2] ?? 0),
    };
  const [, scheme, user, list, name = '', query = ''] = remote.exec(url) ?? [];
  if (!scheme || !list) return undefined;
  const sentinel = scheme.startsWith('sentinel');
  const hosts = list.split(',').map((each) => hostOf(each, sentinel ? 26_379 : 6_379));
  const asked = new URLSearchParams(query);
  const known = new Set(sentinel ? ['db', 'auth'] : ['db', 'cluster']);
  const db = asked.get('db') ?? (sentinel || !name ? '0' : name);
  const way = sentinel ? 'sentinel' : hosts.length > 1 || asked.has('cluster') ? 'cluster' : 'single';
  if (!hosts.every((each) => each !== undefined) || ![...asked.keys()].every((each) => known.has(each)))
    return undefined;
  // a cluster has no databases, and Sentinels watch a group by its name
  if (!/^\d{1,4}$/.test(db) || (way === 'cluster' && db !== '0') || (sentinel && !name)) return undefined;
  const [username = '', ...password] = (user ?? '').split(':');
  return {
    way,
    hosts,
    group: sentinel ? decoded(name) : undefined,
    username: decoded(username) || undefined,
    password: decoded(password.join(':')) || undefined,
    sentinelAuth: asked.has('auth'),
    tls: /ss$|sentinels/.test(scheme),
    db: Number(db),
  };
}

function hostOf(text: string, usual: number): { host: string; port: number } | undefined {
  const url = URL.parse(`redis://${text}`);
  if (!url?.hostname || url.href !== `redis://${url.host}`) return undefined;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port ? Number(url.port) : usual };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
