import type { Test } from 'tap';
import { authenticate } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import type { Citizen } from './citizen.ts';
import { ask, race, times, type World } from './world.ts';

/** What a storm came to, while something befell the stores. */
export interface Storm {
  /** Codes that were redeemed; each of them was presented twenty times. */
  readonly redeemed: number;
  /** Every answer of the token endpoint, as `503 temporarily_unavailable`. */
  readonly answers: ReadonlyMap<string, number>;
  /** Milliseconds: the longest that one of the browsers waited for a code that was redeemed. */
  readonly longest: number;
}

/** Everybody roams without a pause while `work` runs, and each code is presented twenty times at either process. */
export async function meanwhile(t: Test, world: World, what: string, work: () => Promise<void>): Promise<Storm> {
  const answers = new Map<string, number>();
  let [redeemed, longest, over] = [0, 0, false];
  const twice: string[] = [];
  const roaming = world.citizens.map(async (citizen, n) => {
    let last = performance.now();
    let went = 0;
    // the last one is after the end of it: what was lost meanwhile counts
    while (!over || went === 0) {
      if (over) went++;
      const issued = await quietly(citizen.twin(n));
      if (!issued) continue;
      const form = {
        grant_type: 'authorization_code',
        code: issued.code,
        code_verifier: issued.verifier,
        redirect_uri: redirect,
      };
      const requests = await Promise.all(times(20, () => authenticate(world.department, 'public', form)));
      const all = await race((turn) => ask(world, turn, '/token', requests[turn] as (typeof requests)[0]));
      for (const { status, json } of all) {
        const text = [status, json.error].filter(Boolean).join(' ');
        answers.set(text, (answers.get(text) ?? 0) + 1);
      }
      const won = all.filter(({ status }) => status === 200).length;
      if (won > 1) twice.push(`${won} of ${issued.code}`);
      if (won === 0) continue;
      redeemed++;
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    longest = Math.max(longest, performance.now() - last);
  });
  await work();
  over = true;
  await Promise.all(roaming);
  t.strictSame(twice, [], `${what}: no code was redeemed twice`);
  const unlike = [...answers.keys()].filter(
    (each) => !/^(?:200|400 invalid_grant|503 temporarily_unavailable)$/.test(each),
  );
  t.strictSame(unlike, [], `${what}: an answer, spent, or come again`);
  t.ok(redeemed > 0, `${what}: ${redeemed} codes were redeemed`);
  t.comment(
    `${what}: ${redeemed} codes, ${[...answers].map((each) => each.join(' ×'))}, longest ${Math.round(longest)} ms`,
  );
  return { redeemed, answers, longest };
}

/** A code without a page, or nothing while the stores are away; whatever else is answered is a mistake. */
async function quietly(citizen: Citizen): Promise<{ code: string; verifier: string } | undefined> {
  const { url, verifier } = citizen.visit('public', { prompt: 'none' });
  const answer = await citizen.fetch(url);
  const page = await answer.text();
  const to = answer.headers.get('location');
  if (answer.status === 503 && answer.headers.has('retry-after') && page.includes('EG-1703')) return undefined;
  const asked = to ? new URL(to).searchParams : new URLSearchParams();
  const code = asked.get('code');
  if (code) return { code, verifier };
  if (asked.get('error') === 'temporarily_unavailable') return undefined;
  throw new Error(`${answer.status} ${to} ${page.slice(0, 500)}`);
}
