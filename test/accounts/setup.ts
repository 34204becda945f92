import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import {
  type Accounts,
  type AccountsSettings,
  createAccounts,
  type OneTimeCodes,
  parseMobile,
  type ThreeFactors,
  type Vault,
} from '../../src/accounts/accounts.ts';
import { createAudit } from '../../src/audit/audit.ts';
import { meanings, type ProvinceCode, type RealNameAnswer } from '../../src/bridge/bridge.ts';
import { type Clock, shiftedClock } from '../../src/clock.ts';
import { createKeys } from '../../src/keys/keys.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { databaseState } from '../../src/provider/state/adapter-database.ts';
import { keyOf } from '../../src/provider/state/state.ts';
import { database, type TestDatabase } from '../support/database.ts';

/** The test people of PROVINCE.md, section 6. */
export const people = {
  jia: { name: '测试甲', idNumber: '350299199001010117', mobile: '15400000117' },
  yi: { name: '测试乙', idNumber: '350299199001010221', mobile: '15400000221' },
  leap: { name: '测试闰日', idNumber: '350299199202290629', mobile: '15400000629' },
  check: { name: '测试校验', idNumber: '35029919880808004X', mobile: '15400000040' },
  differs: { name: '测试二零零一', idNumber: '350299199002029012', mobile: '15400009012' },
  minor: { name: '测试小丁', idNumber: '350299201606010443', mobile: '15400000443' },
  deceased: { name: '测试二二零一', idNumber: '350299199002029098', mobile: '15400009098' },
  lost: { name: '测试二二零二', idNumber: '350299199002029100', mobile: '15400009100' },
  foreign: { name: 'TEST RESIDENT', idNumber: '935840190101010134', mobile: '15400000134' },
} satisfies Record<string, ThreeFactors>;

/** Good everywhere: on no list, nobody's name. */
export const password = 'q8Zp bridge vellum';
export const otherPassword = 'otter-canal-92-plum';

export interface Message {
  readonly to: string;
  readonly template: string;
  readonly params: { readonly code?: string; readonly text?: string };
}

export interface World {
  readonly accounts: Accounts;
  readonly database: TestDatabase;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly inbox: Message[];
  /** What the province was asked. */
  readonly asked: ThreeFactors[];
  /** What the province answers instead, by ID number: a code of its own, or `ok`. */
  readonly answers: Map<string, string>;
  /** People whose three factors agree although their mobile is not the table's. */
  readonly moved: Map<string, string>;
  /** How many replies about a guess get lost, after the store has counted it. */
  lost: { replies: number };
  move(ms: number): void;
  /** The events of this database, oldest first. */
  events(): Promise<
    { type: string; outcome: string; code?: string; case?: string; detail?: Record<string, unknown> }[]
  >;
  /** The latest code sent to a mobile, waiting for the message after the `after` first ones. */
  codeFor(mobile: string, after?: number): Promise<string>;
  again(settings: Partial<AccountsSettings>): Accounts;
}

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The room with its real neighbours: keys, audit, outbox, and one-time codes in PostgreSQL. */
export async function world(t: Test, settings: Partial<AccountsSettings> = {}): Promise<World> {
  const db = await database(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const keys = await createKeys({
    database: db,
    keyEncryptionKey: randomBytes(32),
    clock,
    audit: (key) => createAudit({ database: db, clock, key }),
  });
  const { vault, audit } = keys;
  const inbox: Message[] = [];
  const delivered = new Set<string>();
  const outbox = createOutbox({ database: db, vault, audit, clock });
  outbox.start({
    sms: async (message) => {
      // as at the province: a repeated id sends once (moving the clock ends leases early)
      if (!delivered.has(message.id)) inbox.push({ to: message.to, ...(message.body as Omit<Message, 'to'>) });
      delivered.add(message.id);
      return 'delivered';
    },
    logout: async () => 'delivered',
  });
  t.teardown(() => outbox.stop());
  const asked: ThreeFactors[] = [];
  const answers = new Map<string, string>([
    [people.differs.idNumber, '2001'],
    [people.minor.idNumber, '2301'],
    [people.deceased.idNumber, '2201'],
    [people.lost.idNumber, '2202'],
  ]);
  const moved = new Map<string, string>();
  const lost = { replies: 0 };
  const known = new Map<string, ThreeFactors>(Object.values(people).map((person) => [person.idNumber, person]));
  const needs = {
    database: db,
    vault,
    audit,
    outbox,
    clock,
    random: randomBytes,
    codes: oneTimeCodes(db, () => offset, lost),
    province: {
      name: 'fujian',
      async checkRealName(person: ThreeFactors): Promise<RealNameAnswer> {
        asked.push(person);
        const code = answers.get(person.idNumber);
        const found = known.get(person.idNumber);
        if (code && code !== 'ok') return refusal(code);
        if (code) return { ok: true, trace: 'trace-of-062' };
        if (!found) return refusal('2002');
        if (found.name !== person.name) return refusal('2001');
        if ((moved.get(person.idNumber) ?? found.mobile) !== person.mobile) return refusal('2003');
        return { ok: true, trace: 'trace-of-062' };
      },
    },
  };
  // two hashes at once: the machine has two cores, and the parallel tests should overlap
  const again = (more: Partial<AccountsSettings>) =>
    createAccounts({ ...needs, settings: { hashesAtOnce: 2, ...settings, ...more } });
  return {
    accounts: again({}),
    database: db,
    clock,
    vault,
    inbox,
    asked,
    answers,
    moved,
    lost,
    move: (ms) => {
      offset += ms;
    },
    async events() {
      const rows = await db.sql<{ event: string }[]>`select event from audit_inbox order by arrived`;
      return rows.map((row) => JSON.parse(row.event));
    },
    async codeFor(mobile, after = 0) {
      for (let turns = 0; turns < 500; turns++) {
        const sent = inbox.filter((message) => message.to === mobile && message.template === 'code');
        if (sent.length > after) return sent.at(-1)?.params.code as string;
        await wait(10);
      }
      throw new Error('no message arrived within 5 s');
    },
    again,
  };
}

/** The contract of one-time codes over the PostgreSQL engine of protocol state. */
function oneTimeCodes(db: TestDatabase, offset: () => number, lost: { replies: number }): OneTimeCodes {
  const state = databaseState(db, offset);
  const key = (flow: string, purpose: string) => keyOf('OneTimeCode', `${flow}\n${purpose}`);
  return {
    async put(flow, purpose, code) {
      const at = key(flow, purpose);
      const links = { mac: code.mac.toString('base64url') };
      await state.commit({ lock: at, put: [{ key: at, payload: code.subject, expiresAt: code.expiresAt, links }] });
    },
    async guess(flow, purpose, mac, guessId) {
      const answer = await state.guess(key(flow, purpose), mac.toString('base64url'), guessId);
      if (lost.replies-- > 0) throw new Error('the reply got lost');
      return answer;
    },
  };
}

/** As the bridge answers it. */
function refusal(digits: string): Extract<RealNameAnswer, { ok: false }> {
  const { code, behaviour } = meanings[digits as ProvinceCode];
  if (behaviour === 'restart' || behaviour === 'end-organisation')
    return { ok: false, code: 'EG-P9999', behaviour: 'outage' };
  return { ok: false, code, behaviour };
}

/** A browser with its cookie, in a flow of its own. */
export const visitor = () => ({ flow: randomUUID(), browser: randomBytes(16).toString('base64url') });
export type Visitor = ReturnType<typeof visitor>;

/** Asserts success, and hands the value on. */
export function granted<T extends { ok: boolean }>(outcome: T): Extract<T, { ok: true }> {
  if (!outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return outcome as Extract<T, { ok: true }>;
}

/** A message asked for, and the code that came. Moves the clock past the pause between two messages. */
export async function ask(w: World, who: Visitor, purpose: 'sign-in' | 'register' | 'recover' | 'join', typed: string) {
  const mobile = parseMobile(typed) ?? '';
  w.move(minute);
  const before = w.inbox.filter((message) => message.to === mobile && message.template === 'code').length;
  const { challenge } = granted(await w.accounts.requestCode({ ...who, purpose, mobile: typed }));
  return { challenge, code: await w.codeFor(mobile, before) };
}

/** Registers a person to the end; `realName` false: later. Returns the account's id. */
export async function register(
  w: World,
  person: ThreeFactors,
  options: { who?: Visitor; password?: string | null; realName?: boolean; another?: boolean } = {},
): Promise<string> {
  const who = options.who ?? visitor();
  const { proof } = granted(
    await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', person.mobile)) }),
  );
  const chosen = options.password === null ? {} : { password: options.password ?? password };
  const { draft } = granted(
    await w.accounts.draftRegistration({ ...who, proof, termsVersion: '2026-11', another: options.another, ...chosen }),
  );
  const { name, idNumber } = person;
  const realName = options.realName === false ? {} : { realName: { name, idNumber } };
  return granted(await w.accounts.finishRegistration({ ...who, draft, ...realName })).signIn.accountId;
}
