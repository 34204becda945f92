import fs from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { readConfig } from '../config.ts';
import { examineAll, examineConfiguration, type Finding, type Subject } from '../doctor/doctor.ts';
import { EgretError } from '../errors.ts';
import { type Problem, problemLine } from '../errors-problems.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { type Embedded, startEmbedded } from '../store/embedded/embedded.ts';
import { closeRedis, openRedis, type Redis, redisReady } from '../store/redis.ts';
import { clean } from './print.ts';
import type { Report, Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    about: 'Examines the configuration, the stores and the province, and names every problem with its mend.',
    example: 'egret doctor',
    reads: true,
    async run() {
      const { subject, close } = stores(readConfig());
      try {
        return reportOf(await examineAll(subject));
      } finally {
        await close();
      }
    },
  },
};

/** What the configuration alone tells; nothing is connected to. */
export async function checkConfiguration(
  read: ReturnType<typeof readConfig>,
): Promise<Report & { readonly problems: readonly Problem[] }> {
  const { subject, close } = stores(read);
  return examineConfiguration(subject).then(reportOf).finally(close);
}

/** A line for each check that is in order; every problem, a line each, on standard error. */
function reportOf(findings: readonly Finding[]): Report & { readonly problems: readonly Problem[] } {
  const problems = findings.flatMap((finding) => finding.problems);
  const good = findings.filter(({ ok }) => ok).length;
  const lines = findings.map(({ check, ok }) => `${ok ? 'ok ' : 'NOT'}  ${check}`);
  return {
    problems,
    ok: good === findings.length,
    data: { ok: good === findings.length, checks: findings.map(({ check, ok }) => ({ check, ok })), problems },
    lines: [...lines, `${good} of ${findings.length} in order`],
    aside: problems.map((problem) => clean(problemLine(problem))),
  };
}

/** The stores of the configuration, each opened when it is first asked for. */
function stores({ config, problems }: ReturnType<typeof readConfig>): {
  readonly subject: Subject;
  close(): Promise<void>;
} {
  let embedded: Embedded | undefined;
  let database: Promise<Database> | undefined;
  let redis: Redis | undefined;
  // What has no right address is not tried: it was said already, and that is all there is to say.
  const refuseWrong = (setting: string): void => {
    const wrong = problems.find(({ text }) => text.startsWith(setting));
    if (wrong) throw new EgretError(wrong.code, { log: wrong.text });
  };
  async function open(): Promise<Database> {
    const { url } = config.database;
    refuseWrong('database.url');
    if (!url && !fs.existsSync(join(config.dataFolder, 'pg/PG_VERSION')))
      throw new EgretError('EG-1903', {
        log: `there is no database in ${config.dataFolder} yet: run \`egret migrate\`, or start Egret once`,
      });
    if (!url) embedded = await startEmbedded(config.dataFolder);
    return openDatabase({ ...(url ? { url } : embedded), max: 2, applicationName: 'egret-doctor' });
  }
  const subject: Subject = {
    config,
    problems,
    now: systemClock.now,
    database() {
      database ??= open();
      return database;
    },
    async redis() {
      refuseWrong('redis.url');
      if (!config.redis.url) return undefined;
      redis ??= openRedis(config.redis.url, { name: 'egret-doctor' });
      await redisReady(redis);
      return redis;
    },
  };
  return {
    subject,
    async close() {
      await (await database?.catch(() => undefined))?.close();
      embedded?.release();
      if (redis) await closeRedis(redis);
    },
  };
}
