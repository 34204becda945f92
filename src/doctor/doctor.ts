/**
 * What must be in order before a city is served: one table of checks, which `egret serve`, `egret config check` and
 * `egret doctor` all ask, so that none of them can forget one. `config check` asks what the configuration alone tells,
 * `doctor` everything, and a start in production refuses on whatever would be unsafe from the first request on.
 *
 * A check that cannot be made has failed. It changes nothing, makes nothing, and mends nothing: each problem says what
 * to do. It does not own the rules of the rooms (what a client may be, how keys open): it asks them. No routes.
 */
import { EgretError } from '../errors.ts';
import { type Problem, Refused } from '../errors-problems.ts';
import { isUnreachable } from '../store/database.ts';
import { isRedisUnreachable } from '../store/redis.ts';
import { type Check, type Place, places, type Subject } from './check.ts';
import { configurationChecks } from './configuration.ts';
import { provinceChecks } from './province.ts';
import { recordsChecks } from './records.ts';
import { stateChecks } from './state.ts';

export type { Subject } from './check.ts';

/** Every check there is, in the order in which it is told. */
export const checks: readonly Check[] = [...configurationChecks, ...recordsChecks, ...stateChecks, ...provinceChecks];

export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What this check found and none before it. */
  readonly problems: readonly Problem[];
}

/** Asks the table about what the configuration alone tells, for `config check`. */
export const examineConfiguration = (subject: Subject): Promise<Finding[]> =>
  examine(subject, ({ place }) => place === 'configuration');

/** Asks the whole table, for `doctor`. */
export const examineAll = (subject: Subject): Promise<Finding[]> => examine(subject, () => true);

/** Refuses the start in production with every problem that makes it unsafe (`Refused`); else nothing is asked. */
export async function refuseUnsafeStart(subject: Subject): Promise<void> {
  if (subject.config.mode !== 'production') return;
  const problems = (await examine(subject, ({ stops }) => stops)).flatMap((finding) => finding.problems);
  if (problems.length > 0) throw new Refused(problems);
}

async function examine(subject: Subject, wanted: (check: Check) => boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const away = new Map<Place, Problem>();
  const told = new Set<string>();
  for (const check of checks.filter(wanted)) {
    if (check.productionOnly && subject.config.mode !== 'production') continue;
    const known = away.get(check.place);
    // What did not answer once is not waited for again; its checks have failed all the same.
    const found = known ? [known] : await ask(check, subject);
    for (const problem of found) if (unreachableCodes.has(problem.code)) away.set(check.place, problem);
    const fresh = found.filter(({ code, text }) => !told.has(`${code} ${text}`));
    for (const { code, text } of fresh) told.add(`${code} ${text}`);
    findings.push({ check: check.name, ok: found.length === 0, problems: fresh });
  }
  return findings;
}

const unreachableCodes = new Set(['EG-1702', 'EG-1703']);

async function ask(check: Check, subject: Subject): Promise<readonly Problem[]> {
  try {
    return await check.find(subject);
  } catch (error) {
    return [failure(check, error)];
  }
}

/** Fail closed: what could not be asked is a problem of its own. */
function failure(check: Check, error: unknown): Problem {
  const { code, message, name } = error as { code?: string; message: string; name: string };
  if (name === 'PostgresError' && /^(28|3D)/.test(code ?? ''))
    return {
      code: 'EG-1702',
      text: `the database does not let us in (database.url): ${message}`,
      mend: 'correct user, password and database in EGRET_DATABASE_URL or the file that EGRET_DATABASE_URL_FILE names',
    };
  if (isUnreachable(error))
    return {
      code: 'EG-1702',
      text: `the records cannot be reached (${code}), so that nothing is known of them`,
      mend: 'start PostgreSQL, and see that database.url names the host and port it listens on',
    };
  if ((error instanceof EgretError && error.code === 'EG-1703') || isRedisUnreachable(error))
    return {
      code: 'EG-1703',
      text: `${message}, so that nothing is known of it`,
      mend: 'start Redis, and see that redis.url names it, with its user and password',
    };
  if (error instanceof EgretError)
    return {
      code: error.code,
      text: message,
      mend: 'docs/errors.md says what the code means; the text names the cause',
    };
  return {
    code: 'EG-1926',
    text: `${check.name}: the check could not be made (${message})`,
    mend: places[check.place],
  };
}
