import { Cluster, type RedisOptions, Redis as Server } from 'ioredis';
import { parseRedisUrl, type RedisAddress, redisUrlForms } from '../config.ts';
import { EgretError } from '../errors.ts';
import { openCluster } from './redis-cluster.ts';

/** One server, the primary of a group under Sentinel, or a cluster. */
export type Redis = Server | Cluster;

export interface OpenRedisOptions {
  /** Milliseconds a command may take until its reply is given up: 1000 at most. Its effect is then unknown. */
  commandTimeout?: number;
  connectTimeout?: number;
  /** How this process is called in CLIENT LIST. */
  name?: string;
  /**
   * Sends what one turn of the event loop asks for in one write. Off: a command then waits while an earlier batch is
   * out, so a roam's trips depend on its neighbours; `npm run bench` says whether the saved writes are worth it.
   */
  autoPipelining?: boolean;
  /** Hears of every failed connection; the client goes on trying. */
  onError?: (error: Error) => void;
}

/**
 * Opens one Redis, a cluster, or the primary that Sentinels name (`parseRedisUrl`), never a replica.
 *
 * A command is sent once, now, or not at all: none waits for a connection, none is sent again by itself after one is
 * lost, since its first try may have been carried out. So every command settles within `commandTimeout`, and a caller
 * who hears `isRedisUnreachable` knows nothing of its effect.
 *
 * Scripts by `defineCommand`: the first use on a connection is an EVAL, later ones EVALSHA, all of them one command on
 * the wire. NOSCRIPT (SCRIPT FLUSH, or a restart hidden behind a proxy) is answered by one EVAL: a script that is not
 * there was not carried out. After a reconnect the first use is an EVAL again, so a restart is never seen as NOSCRIPT.
 */
export function openRedis(url: string, options: OpenRedisOptions = {}): Redis {
  const commandTimeout = Math.min(options.commandTimeout ?? 1_000, 1_000);
  const address = parseRedisUrl(url);
  if (!address) throw new EgretError('EG-1901', { log: `redis.url must be one of ${redisUrlForms}` });
  const again = (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 1_000) * (0.5 + Math.random() / 2);
  const settings: RedisOptions = {
    commandTimeout,
    // A connection that owes a reply for so long is dead, whatever TCP believes: drop it and try a new one.
    socketTimeout: 2 * commandTimeout,
    connectTimeout: options.connectTimeout ?? 1_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: options.autoPipelining ?? false,
    retryStrategy: again,
    // After a failover our old primary is a replica: look for the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    disableClientInfo: true,
    connectionName: options.name ?? 'egret',
  };
  const redis =
    address.way === 'cluster'
      ? openCluster(address, settings, again)
      : new Server({ ...settings, ...whereabouts(address, again) });
  for (const trouble of ['error', 'node error']) redis.on(trouble, options.onError ?? (() => {}));
  return redis;
}

function whereabouts(address: RedisAddress, again: (attempt: number) => number): RedisOptions {
  const { hosts, socket, group, username, password, tls, db } = address;
  const known = { username, password, db, ...(tls ? { tls: {} } : {}) };
  if (socket) return { path: socket, db };
  if (!group) return { ...known, ...hosts[0] };
  return {
    ...known,
    sentinels: [...hosts],
    name: group,
    ...(address.sentinelAuth ? { sentinelUsername: username, sentinelPassword: password } : {}),
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinelCommandTimeout: 1_000,
    sentinelRetryStrategy: again,
    // Leaves a primary as soon as a Sentinel says that there is another, whatever the old one still answers.
    failoverDetector: true,
  };
}

/** The servers that keys are on: each primary of a cluster, else the one there is. */
export const serversOf = (redis: Redis): Server[] => (redis instanceof Cluster ? redis.nodes('master') : [redis]);
export const isCluster = (redis: Redis): redis is Cluster => redis instanceof Cluster;

/**
 * Commands of one turn of the event loop leave in one write to each socket: of all that a command costs this process,
 * that system call is half. Call it before sending.
 */
export function gatherWrites(redis: Redis): () => void {
  let gathering = false;
  return () => {
    if (gathering) return;
    gathering = true;
    const streams = serversOf(redis).map(({ stream }) => stream);
    for (const stream of streams) stream?.cork();
    setImmediate(() => {
      gathering = false;
      for (const stream of streams) stream?.uncork();
    });
  };
}

/** Whether a command sent now would reach a server that is ready; of a cluster, whichever its key is on. */
export function isRedisReady(redis: Redis): boolean {
  return redis.status === 'ready' && serversOf(redis).every((server) => server.status === 'ready');
}

/** Waits for the first connection; EG-1703 after `patience` milliseconds. */
export function redisReady(redis: Redis, patience = 5_000): Promise<void> {
  if (isRedisReady(redis)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let last: Error | undefined;
    const remember = (error: Error) => {
      last = error;
    };
    const settle = () => {
      clearTimeout(timer);
      redis.off('ready', ready);
      redis.off('node ready', ready);
      redis.off('end', gone);
      redis.off('error', remember);
    };
    const ready = () => {
      if (!isRedisReady(redis)) return;
      settle();
      resolve();
    };
    const gone = () => {
      settle();
      reject(new EgretError('EG-1703', { cause: last, log: `Redis does not answer: ${last?.message ?? 'closed'}` }));
    };
    const timer = setTimeout(gone, patience);
    redis.on('ready', ready);
    redis.on('node ready', ready);
    redis.on('end', gone);
    redis.on('error', remember);
  });
}

/** Waits for the replies that are due, then closes. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (isRedisReady(redis)) await redis.quit().catch(() => {});
  redis.disconnect();
}

/**
 * Whether an error of the client means "the protocol state cannot be reached now", with the effect of the command
 * unknown: no connection, no reply in time, or a server that cannot serve (loading, replica, full, busy, failing
 * over, not yet agreed upon). Answer EG-1703.
 */
export function isRedisUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError')
    return /^(?:(?:-|ERR )?(?:max number of clients|Script attempted to access a non local key)|(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|OOM|MISCONF|NOREPLICAS|EPOCH|BUSY|NOAUTH|WRONGPASS|UNBLOCKED)\b)/.test(
      error.message,
    );
  if (
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'AbortError' ||
    error.name === 'ClusterAllFailedError'
  )
    return true;
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && unreachable.has(code)) return true;
  return /^(?:Stream isn't writeable|Command timed out|Connection is closed|Socket timeout|connect ETIMEDOUT|Cluster isn't ready|Too many Cluster redirections|None of startup nodes)/.test(
    error.message,
  );
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
]);
