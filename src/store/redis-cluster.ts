import { Cluster, type RedisOptions, type Redis as Server } from 'ioredis';
import type { RedisAddress } from '../config.ts';

/**
 * Opens a Redis Cluster under the promises of one server (`openRedis`). A command goes to the node that has its slot;
 * MOVED and ASK say that it was not carried out, so it is sent on, and so is one that a moving slot answers TRYAGAIN,
 * a few times and within the one `commandTimeout`. A lost connection is never answered by a second try. A node that
 * nobody serves for is refused at once.
 */
export function openCluster(
  { hosts, username, password, tls }: RedisAddress,
  settings: RedisOptions,
  again: (attempt: number) => number,
): Cluster {
  const { enableAutoPipelining, reconnectOnError: _, retryStrategy: __, enableOfflineQueue: ___, ...rest } = settings;
  const cluster = new Cluster([...hosts], {
    redisOptions: { ...rest, username, password, ...(tls ? { tls: {} } : {}) },
    enableAutoPipelining,
    enableOfflineQueue: false,
    // Each node is asked itself whether it is ready (isRedisReady).
    enableReadyCheck: false,
    clusterRetryStrategy: again,
    maxRedirections: 8,
    // The library's default sends a command whose connection was lost a second time.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 50,
    slotsRefreshTimeout: settings.commandTimeout,
    slotsRefreshInterval: 2_000,
    // Names stay names: a certificate is checked against them.
    dnsLookup: (host, found) => found(null, host),
  });
  cluster.on('+node', (node: Server) => guard(cluster, node));
  return cluster;
}

/** What the library leaves open of a node's connection. */
function guard(cluster: Cluster, node: Server): void {
  // Nothing waits for a connection: it is made now, for the first command to find it.
  node.options.enableOfflineQueue = false;
  // A replica's connection is not made READONLY, so that whatever happens to arrive there is answered MOVED, not read
  // from what may be old.
  node.readonly = async () => 'OK';
  const send = node.sendCommand;
  node.sendCommand = (command, stream) => {
    if (!command.isSettled) return send.call(node, command, stream);
    // Given up while it was being redirected: not sent any more. An ASKING may be before it, which this uses up.
    node.ping().catch(() => {});
    return command.promise;
  };
  node.on('ready', () => cluster.emit('node ready'));
  node.connect().catch(() => {});
}
