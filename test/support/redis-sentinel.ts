import fs from 'node:fs';
import type { Test } from 'tap';
import { until } from './processes.ts';
import { answers, freePort, leashed, redis, type TestRedis } from './redis.ts';
import { asking, type ClusterNode, lockReplicasOut, lostAfter, replicated } from './redis-cluster.ts';
import { scratch } from './scratch.ts';

export interface Member {
  readonly server: TestRedis;
  readonly port: number;
  readonly ask: ClusterNode['ask'];
}

/** A primary with two replicas, watched by three Sentinels, on loopback. */
export interface TestSentinels {
  /** For `openRedis`. */
  readonly url: string;
  readonly members: readonly Member[];
  /** The primary, as the first Sentinel names it. */
  primary(): Promise<Member>;
  /**
   * Waits until every Sentinel names another primary than this: each tells clients once, who leave their connection
   * then, even one that is to the new primary already.
   */
  promoted(lost: Member): Promise<void>;
  /** Waits until this one, back again, is a replica that has caught up. */
  following(member: Member): Promise<void>;
  /** Cuts replication off the member: what it writes from now on, the others never see. */
  cutOff(member: Member): Promise<void>;
}

/**
 * @param patience milliseconds without an answer after which a primary is lost; a replica that was without it for ten
 * times as long is not promoted
 */
export async function redisSentinels(t: Test, patience = lostAfter): Promise<TestSentinels> {
  const members: Member[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const port = await freePort();
    const primary = members[0] ? ['--replicaof', '127.0.0.1', `${members[0].port}`] : [];
    const server = await redis(t, { args: [...replicated(port), ...primary] });
    members.push({ server, port, ...(await asking(t, server.url)) });
  }
  const [first, ...others] = members as [Member, ...Member[]];
  for (const replica of others) await until(async () => linked(String(await replica.ask('INFO', 'replication'))));

  const folder = scratch(t, 'sentinels');
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  for (const port of ports) {
    const file = `${folder}/${port}.conf`;
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor city 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds city ${patience}`,
      'sentinel failover-timeout city 3000',
    ];
    fs.writeFileSync(file, `${lines.join('\n')}\n`);
    await leashed(t, [file, '--sentinel']);
    await until(() => answers({ host: '127.0.0.1', port }));
  }
  const sentinels = await Promise.all(ports.map((port) => asking(t, `redis://127.0.0.1:${port}`)));
  for (const { ask } of sentinels)
    await until(async () => {
      const [peers, replicas] = [await ask('SENTINEL', 'SENTINELS', 'city'), await ask('SENTINEL', 'REPLICAS', 'city')];
      return (peers as unknown[]).length === 2 && (replicas as unknown[]).length === 2;
    });
  const named = async ({ ask }: (typeof sentinels)[number]): Promise<Member> => {
    // GET-MASTER-ADDR-BY-NAME names the promoted one before the failover is over and clients are told of it
    const told = (await ask('SENTINEL', 'MASTER', 'city')) as string[];
    const port = Number(told[told.indexOf('port') + 1]);
    return members.find((member) => member.port === port)!;
  };
  return {
    url: `sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/city`,
    members,
    primary: () => named(sentinels[0]!),
    async promoted(lost) {
      for (const sentinel of sentinels) await until(async () => (await named(sentinel)) !== lost, 30_000 + patience);
    },
    following: (member) => until(async () => linked(String(await member.ask('INFO', 'replication').catch(() => '')))),
    cutOff: (member) => lockReplicasOut(member.ask),
  };
}

const linked = (replication: string): boolean => replication.includes('master_link_status:up');
