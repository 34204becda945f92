import t from 'tap';
import { digestOfUid } from '../../src/sessions/sessions.ts';
import { Citizen, onwardOf } from '../races/citizen.ts';
import { Jar } from '../support/browser.ts';
import { type Pair, type Person, pair } from '../support/pair.ts';
import { wants } from '../support/wants.ts';
import { chance, seed } from './send.ts';
import { options, password } from './stand.ts';

t.setTimeout(240_000);

const walks = 40;
const steps = 14;

/** What a browser has shown to know, at one journey of its own; only that may ever become a session there. */
interface Shown {
  /** Mobiles that a code was asked for here, by what for. */
  readonly asked: Map<string, 'sign-in' | 'register' | 'recover'>;
  readonly accounts: Set<string>;
  /** A right code of a registration: an account that is new may begin. */
  registered: boolean;
}

interface Walker {
  readonly name: string;
  citizen: Citizen;
  at: string | undefined;
  token: string;
  shown: Shown;
}

const nothing = (): Shown => ({ asked: new Map(), accounts: new Set(), registered: false });

/** Every way a walk can go on. What is drawn is a form of any step, whichever step the journey is at. */
const actions = [
  ...['password', 'password', 'mobile', 'mobile', 'register', 'recover', 'code', 'code', 'code', 'method', 'later'],
  ...['another', 'identity', 'new-password', 'recover-identity', 'second-password', 'real-name', 'decline', 'resend'],
  ...['roaming', 'consent', 'ticket', 'way', 'way', 'way', 'shared', 'see', 'see', 'begin', 'away'],
];

interface Known {
  readonly person: Person;
  readonly account: string;
  readonly realName: boolean;
}

async function accountOf(own: Pair, jar: Jar): Promise<string | undefined> {
  const uid = jar.get('egret')?.split('.')[0];
  if (!uid) return undefined;
  const [row] = await own.database.sql<{ account: string }[]>`
    select account_id as account from sessions where digest = ${digestOfUid(uid)} and ended_at is null`;
  return row?.account;
}

/** In the order of DESIGN section 7 or in any other: two browsers, two people, every form, at every time. */
t.test(
  'no order of steps of two browsers becomes a session that was not proved',
  wants('redis-server', 'postgresql'),
  async (t) => {
    t.comment(`EGRET_SEED=${seed}`);
    const random = chance(seed);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    const own = await pair(t, options);
    const people = await own.people(12);
    const known: Known[] = [];
    for (const [n, person] of people.entries()) {
      const citizen = new Citizen(own);
      const realName = n % 3 === 0;
      await citizen.open(await citizen.register(person, '/account', { password, realName }));
      known.push({ person, account: (await accountOf(own, citizen.jar)) ?? '', realName });
    }
    const before = new Set((await own.database.sql<{ id: string }[]>`select id from accounts`).map(({ id }) => id));
    const codes = async (mobile: string): Promise<string[]> => {
      const answer = await fetch(`${own.province}/__sim/inbox.json?mobile=${mobile}`);
      const { messages } = (await answer.json()) as { messages: { params: { code?: string } }[] };
      return messages.flatMap(({ params }) => params.code ?? []);
    };

    const ways = new Map<string, number>();
    let signedIn = 0;
    let refused = 0;
    for (let walk = 0; walk < walks; walk++) {
      const told: string[] = [];
      const two = [pick(known), pick(known)] as const;
      const walker = (name: string): Walker => ({
        ...{ name, citizen: new Citizen(own, new Jar(), walk), at: undefined, token: '', shown: nothing() },
      });
      const both = [walker('one'), walker('other')] as const;
      const begin = async (who: Walker): Promise<void> => {
        const { page } = await who.citizen.open('/account');
        who.at = /action="(\/signin\/[\w-]+)\//.exec(page)?.[1];
        who.token = /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? who.token;
        who.shown = nothing();
        // with a password a walk is over at once: most begin another way
        if (who.at && random() < 0.75)
          await who.citizen.open(`${who.at}?way=${pick(['sms', 'register', 'recover', 'recover'])}`);
      };
      const offersOf = async (who: Walker): Promise<string[]> => {
        const { page } = await who.citizen.open(who.at ?? '');
        return [...page.matchAll(/action="\/signin\/[\w-]+\/([\w-]+)[#"]/g)].map(([, action]) => action ?? '');
      };
      for (const who of both) await begin(who);
      for (let step = 0; step < steps; step++) {
        const n = random() < 0.5 ? 0 : 1;
        const who = both[n];
        const other = both[1 - n] as Walker;
        const { person, account, realName } = pick(two);
        // half of the time what the page offers, so that walks come far; else whatever form there is
        const offered = who.at && random() < 0.5 ? await offersOf(who) : [];
        const action = pick(offered.length > 0 ? offered : actions);
        // mostly its own journey and its own token; else the other's
        const elsewhere = random() < 0.12;
        const at = (elsewhere ? other.at : who.at) ?? '/signin/none';
        const borrowed = random() < 0.05;
        const token = borrowed ? other.token : who.token;
        const own_ = !elsewhere && !borrowed;
        told.push(
          `${who.name} ${action} ${person.mobile.slice(-3)}${elsewhere ? ' at the other’s' : ''}${borrowed ? ' with the other’s token' : ''}`,
        );
        if (action === 'begin') await begin(who);
        else if (action === 'away') who.citizen = new Citizen(own, who.citizen.jar, step);
        else if (action === 'see') {
          const shown = await who.citizen.open(at);
          const onward = onwardOf(shown);
          if (onward) await who.citizen.open(onward);
        } else if (action === 'way')
          await who.citizen.open(`${at}?way=${pick(['password', 'sms', 'register', 'recover', 'sms'])}`);
        else if (action === 'shared') await who.citizen.open(`${at}?shared=yes`);
        else if (action === 'ticket') await who.citizen.open(`${at}/ticket?state=${'x'.repeat(32)}&trustticket=x`);
        else {
          const right = random() < 0.8;
          const sent = await codes(person.mobile);
          const otp = right ? (sent[0] ?? '000000') : '000000';
          if (action === 'password' && own_ && right) who.shown.accounts.add(account);
          const purpose = who.shown.asked.get(person.mobile);
          if (action === 'code' && own_ && right && purpose === 'sign-in') who.shown.accounts.add(account);
          if (action === 'code' && own_ && right && purpose === 'register') who.shown.registered = true;
          if (action === 'code' && own_ && right && purpose === 'recover' && !realName) who.shown.accounts.add(account);
          if (action === 'recover-identity' && own_ && right && purpose === 'recover') who.shown.accounts.add(account);
          const answer = await who.citizen.post(at, action, token, {
            ...{ login_id: person.mobile, mobile: person.mobile, agree_terms: 'on', otp, decision: 'continue' },
            ...{ password: right ? password : 'no-such-words-7', new_password: password, method: pick(['skip', '']) },
            ...{ full_name: person.name, id_number: right ? person.number : two[0].person.number, card_type: '111' },
          });
          const page = await answer.text();
          const came = answer.headers.get('location');
          if (answer.status >= 400) refused += 1;
          ways.set(action, (ways.get(action) ?? 0) + (came ? 1 : 0));
          const onward = onwardOf({ page });
          if (onward) await who.citizen.open(onward);
          else if (came) {
            const shown = await who.citizen.open(came);
            const next = onwardOf(shown);
            if (next) await who.citizen.open(next);
            // the form that asks for a code was there, and the one that takes it came
            const asks = { mobile: 'sign-in', register: 'register', recover: 'recover' } as const;
            if (action in asks && own_ && offered.includes(action) && /\/code[#"]/.test(shown.page))
              who.shown.asked.set(person.mobile, asks[action as keyof typeof asks]);
          }
        }
        for (const each of both) {
          const session = await accountOf(own, each.citizen.jar);
          if (!session) continue;
          signedIn += 1;
          const proved = each.shown.accounts.has(session) || (each.shown.registered && !before.has(session));
          if (!proved) {
            t.fail(`walk ${walk}: ${each.name} is signed in as ${session}, which it never proved`, { told });
            return;
          }
        }
        // whoever came in begins again as a new browser: what was shown does not count twice
        for (const each of both)
          if (await accountOf(own, each.citizen.jar)) {
            each.citizen = new Citizen(own, new Jar(), step);
            await begin(each);
          }
      }
    }
    t.pass(`${walks * steps} steps`);
    t.comment(
      `${walks * steps} steps, ${signedIn} sessions, ${refused} refusals; ${JSON.stringify(Object.fromEntries(ways))}`,
    );
    t.ok(signedIn >= 10, `${signedIn} sessions were proved: the walks come to something`);
    t.ok(refused >= 50, `${refused} refusals`);
    t.ok((ways.get('code') ?? 0) > 5 && (ways.get('password') ?? 0) > 2, 'by a code and by a password');
  },
);
