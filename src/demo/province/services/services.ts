import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Code } from '../codes.ts';
import { checkThree, stateOf } from '../people/behaviour.ts';
import { isReservedMobile, isReservedNumber } from '../people/guard.ts';
import { normaliseNumber } from '../people/identifiers.ts';
import type { People, Person } from '../people/people.ts';
import { userRecord } from '../people/record.ts';
import type { Inbox } from '../sms/inbox.ts';
import { render } from '../sms/templates.ts';
import type { State } from '../state.ts';
import { type Json, sm3 } from '../wire/envelope.ts';
import { publicKeys } from '../wire/platform-keys.ts';
import type { Rates } from './rates.ts';
import type { Tickets, Tokens } from './tickets.ts';

/** What a service answers. `mixedUp` is the same answer about somebody else, for the fault of that name. */
export interface Result {
  readonly code: Code;
  readonly msg?: string;
  readonly data?: Json;
  readonly mixedUp?: () => Json;
}

export interface Service {
  /** Health and certificates can be asked for without data, in the clear, and outside the quota. */
  readonly isPublic?: boolean;
  /** Whom the question is about, as far as one can tell without doing anything. */
  person?(data: Json): Person | undefined;
  run(data: Json, caller: string): Result;
}

export interface Platform {
  readonly clock: Clock;
  readonly people: People;
  readonly tickets: Tickets;
  readonly tokens: Tokens;
  readonly rates: Rates;
  readonly inbox: Inbox;
  readonly state: State;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const wrongData: Result = { code: '9999', msg: '参数不对' };

/** Service code → service; `SMS` has a path of its own. */
export function createServices(platform: Platform): Readonly<Record<string, Service>> {
  const { clock, people, tickets, tokens, rates, inbox, state } = platform;
  const byKey = (key: string | undefined) => (key === undefined ? undefined : people.byKey(key));

  function refusal(code: Code): Result {
    if (code !== '2501') return { code };
    const unlocks = new Date(clock.now() + 8 * 3_600_000 + 30 * 60_000).toISOString().slice(0, 16).replace('T', ' ');
    return { code, msg: `账号已锁定，${unlocks} 解锁` };
  }

  /** Trust ticket → user record. */
  const ticket: Service = {
    person: ({ TRUST_TICKET }) => byKey(tickets.whose(text(TRUST_TICKET))),
    run({ TRUST_TICKET, RETURN_URL }, caller) {
      if (!text(TRUST_TICKET) || !text(RETURN_URL)) return wrongData;
      const spent = tickets.spend(text(TRUST_TICKET), { caller, returnUrl: text(RETURN_URL) });
      if (!spent.ok) return { code: spent.code };
      const person = people.byKey(spent.person);
      if (!person) return { code: '1201' };
      const code = stateOf(person, clock.now());
      if (code !== '0000') {
        tokens.revoke(spent.token);
        return refusal(code);
      }
      const answer = (who: Person, token: string, ticket: string) => ({
        ...userRecord(who, token),
        TICKET_DIGEST: sm3(ticket),
      });
      return {
        code,
        data: answer(person, spent.token, text(TRUST_TICKET)),
        mixedUp: () => answer(somebodyElse(person), randomText(), randomText()),
      };
    },
  };

  /** Three factors: does the platform know this name, number and mobile as one person's? */
  const threeFactors: Service = {
    person: ({ USER_IDCARD }) => people.byNumber(normaliseNumber(text(USER_IDCARD)))[0],
    run({ USER_NAME, USER_IDCARD, USER_MOBILE }) {
      const [name, typed, mobile] = [text(USER_NAME), text(USER_IDCARD), text(USER_MOBILE)];
      if (!name || !typed || !mobile) return wrongData;
      const number = normaliseNumber(typed);
      if (!isReservedNumber(number)) return { code: '2002', msg: '演示平台只认测试号段里的号码' };
      if (!rates.askAbout(number)) return { code: '3002' };
      const code = checkThree(people.byNumber(number), { name, mobile }, clock.now());
      if (code !== '0000') return refusal(code);
      const other = somebodyElse({ number });
      return {
        code,
        data: { RESULT: '1', PERSON_DIGEST: sm3(`${name}|${typed}|${mobile}`) },
        mixedUp: () => ({ RESULT: '1', PERSON_DIGEST: sm3(`${other.name}|${other.number}|${other.mobile}`) }),
      };
    },
  };

  /** The real-name level of an account whose token the caller has. */
  const level: Service = {
    person: ({ USER_TOKEN }) => byKey(tokens.whose(text(USER_TOKEN))),
    run({ USER_ID, USER_TOKEN }, caller) {
      const used = tokens.use(text(USER_TOKEN), caller);
      if (!used.ok) return { code: used.code };
      const person = people.byKey(used.person);
      if (!person || person.userId !== USER_ID) return { code: '1301' };
      const answer = (who: Person) => ({ USER_ID: who.userId, USER_AUTHLEVEL: who.level });
      return { code: '0000', data: answer(person), mixedUp: () => answer(somebodyElse(person)) };
    },
  };

  const sms: Service = {
    run({ requestId, mobile, template, params }, caller) {
      const message = render(template, params, state.caller(caller)?.smsSignature ?? '');
      if (!message || !/^[\w.:-]{1,100}$/.test(text(requestId)) || !/^\d{11}$/.test(text(mobile))) return wrongData;
      if (!isReservedMobile(text(mobile))) {
        inbox.refuse();
        return { code: '2002', msg: '演示平台只往测试号段发短信' };
      }
      inbox.send(caller, text(requestId), { mobile: text(mobile), ...message });
      return { code: '0000', data: { REQUEST_ID: requestId } };
    },
  };

  function somebodyElse(than: { number: string }): Person {
    return people.all().find(({ number }) => number !== than.number) as Person;
  }

  return {
    '103': ticket,
    '062': threeFactors,
    X020: level,
    X090: { isPublic: true, run: () => ({ code: '0000', data: { STATUS: 'UP', TIME: clock.now() } }) },
    X091: { isPublic: true, run: () => ({ code: '0000', data: { keys: publicKeys(state.keys) } }) },
    SMS: sms,
  };
}

const randomText = () => randomBytes(32).toString('base64url');
