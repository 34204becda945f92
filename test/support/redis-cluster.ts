import type { Test } from 'tap';
import { closeRedis, openRedis, type Redis } from '../../src/store/redis.ts';
import { until } from './processes.ts';
import { freePort, redis, type TestRedis } from './redis.ts';

/** A node, and a connection to it by its socket, beside the client that is tried. */
export interface ClusterNode {
  readonly server: TestRedis;
  readonly port: number;
  readonly id: string;
  ask(...command: (string | number)[]): Promise<unknown>;
}

/** Three primaries with a replica each, on loopback, a third of the slots on each primary. */
export interface TestCluster {
  /** For `openRedis`: all six addresses. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The primary that has the slot of a bucket. */
  owner(bucket: string): Promise<ClusterNode>;
  /** The nodes that have slots now. */
  primaries(): Promise<readonly ClusterNode[]>;
  /** Waits until a replica has taken over from this node, and every other node says that all slots are served. */
  whole(lost: ClusterNode): Promise<void>;
  /** Starts the nodes that were lost, empty; waits until every primary has a replica that follows. */
  complete(): Promise<void>;
  /** Moves the slot of a bucket to another primary, ten keys at a time; `halfway` runs after each ten. */
  move(bucket: string, halfway?: () => Promise<void>): Promise<void>;
  /** Cuts replication off the node: what it writes from now on, its replicas never see. */
  cutOff(node: ClusterNode): Promise<void>;
}

/** Milliseconds without an answer after which nodes and Sentinels hold a server for lost. */
export const lostAfter = 1_000;

/** What every server that has replicas here is started with: a user of their own, who can be locked out. */
export const replicated = (port: number): string[] => [
  ...['--port', `${port}`, '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0'],
  ...['--user', 'replica', 'on', 'nopass', '~*', '&*', '+@all', '--masteruser', 'replica', '--masterauth', 'any'],
];

/** Locks replicas out of a server, for good. */
export async function lockReplicasOut(ask: ClusterNode['ask']): Promise<void> {
  await ask('ACL', 'SETUSER', 'replica', 'off');
  await ask('CLIENT', 'KILL', 'USER', 'replica');
}

export async function redisCluster(t: Test): Promise<TestCluster> {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => clusterNode(t)));
  const [first, second, third, ...others] = nodes as [ClusterNode, ClusterNode, ClusterNode, ...ClusterNode[]];
  const primaries = [first, second, third];
  const bounds = [0, 5_461, 10_923, 16_384];
  for (const [place, primary] of primaries.entries()) {
    await primary.ask('CLUSTER', 'ADDSLOTSRANGE', bounds[place]!, bounds[place + 1]! - 1);
    await primary.ask('CLUSTER', 'SET-CONFIG-EPOCH', place + 1);
  }
  for (const node of nodes.slice(1)) {
    const bus = String(await node.ask('CONFIG', 'GET', 'cluster-port')).split(',')[1]!;
    await first.ask('CLUSTER', 'MEET', '127.0.0.1', node.port, bus);
  }
  const told = async (node: ClusterNode) => String(await node.ask('CLUSTER', 'NODES'));
  await until(async () => {
    const views = await Promise.all(nodes.map(told));
    return views.every((view) => view.trim().split('\n').length === 6 && !/handshake|fail/.test(view));
  });
  for (const [place, replica] of others.entries()) await replica.ask('CLUSTER', 'REPLICATE', primaries[place]!.id);
  await until(async () => {
    const views = await Promise.all(
      nodes.map(async (node) => `${await node.ask('CLUSTER', 'INFO')} ${await told(node)}`),
    );
    return views.every((view) => view.includes('cluster_state:ok') && view.match(/ (?:myself,)?slave /g)?.length === 3);
  });
  for (const replica of others)
    await until(async () => String(await replica.ask('INFO', 'replication')).includes('master_link_status:up'));

  const alive = async () => {
    for (const node of nodes) if (await node.ask('PING').catch(() => undefined)) return node;
    throw new Error('no node is left');
  };
  const slotOf = async (bucket: string) => Number(await (await alive()).ask('CLUSTER', 'KEYSLOT', `{${bucket}}`));
  async function owner(bucket: string): Promise<ClusterNode> {
    const slot = await slotOf(bucket);
    const ranges = (await (await alive()).ask('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
    return nodes.find((node) => node.port === port)!;
  }
  const primariesNow = async (): Promise<ClusterNode[]> => {
    const ranges = (await (await alive()).ask('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    const ports = new Set(ranges.map(([, , [, port]]) => port));
    return nodes.filter((node) => ports.has(node.port));
  };
  return {
    primaries: primariesNow,
    whole: (lost) =>
      until(async () => {
        if ((await primariesNow()).includes(lost)) return false;
        const answering = await Promise.all(nodes.map((node) => node.ask('CLUSTER', 'INFO').catch(() => 'gone')));
        return answering.every((info) => info === 'gone' || String(info).includes('cluster_state:ok'));
      }),
    async complete() {
      for (const node of nodes) {
        const gone = await node.ask('PING').catch(() => undefined);
        if (gone === undefined) await node.server.start();
      }
      await until(async () => {
        const views = await Promise.all(nodes.map((node) => node.ask('INFO', 'replication').catch(() => '')));
        const roles = views.map((view) => /role:master|master_link_status:up/.exec(String(view))?.[0]);
        return roles.every(Boolean) && roles.filter((role) => role === 'role:master').length === 3;
      });
    },
    url: `redis://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    owner,
    async move(bucket, halfway = async () => {}) {
      const [slot, from] = [await slotOf(bucket), await owner(bucket)];
      const owners = await Promise.all(Array.from({ length: 64 }, (_, each) => owner(String(each).padStart(2, '0'))));
      const to = owners.find((node) => node !== from)!;
      await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
      await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
      await halfway();
      for (;;) {
        const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[];
        if (keys.length === 0) break;
        await from.ask('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
        await halfway();
      }
      for (const node of [to, from]) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    },
    cutOff: (node) => lockReplicasOut(node.ask),
  };
}

async function clusterNode(t: Test): Promise<ClusterNode> {
  const [port, bus] = [await freePort(), await freePort()];
  const server = await redis(t, {
    args: [
      ...replicated(port),
      ...['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', `${lostAfter}`],
      ...['--cluster-replica-validity-factor', '0'],
    ],
  });
  const connection = await asking(t, server.url);
  return { server, port, ...connection, id: String(await connection.ask('CLUSTER', 'MYID')) };
}

/** A connection of the test's own to one server. */
export async function asking(t: Test, url: string): Promise<{ ask: ClusterNode['ask'] }> {
  const client: Redis = openRedis(url);
  t.teardown(() => closeRedis(client));
  await until(() => client.status === 'ready');
  return { ask: (...[name, ...args]) => client.call(String(name), ...args.map(String)) };
}
