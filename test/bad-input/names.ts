import { Passer } from '../numbers/passer.ts';
import { Jar } from '../support/browser.ts';
import { client, redirect } from '../support/op.ts';
import type { Pair, Person } from '../support/pair.ts';
import { password } from './stand.ts';

/** What a name can be to us, and nobody may learn of it: whose account is here, is closed, or came by the province. */
export const standings = ['known', 'unknown', 'disabled', 'province'] as const;
export type Standing = (typeof standings)[number];
export type Names = Readonly<Record<Standing, readonly Person[]>>;

/** Caps of an address as they are by default: every try comes from an address of its own. */
export const options = {
  engine: 'debian',
  redis: true,
  clients: () => [
    client('public', {
      auth: 'none',
      kind: 'browser',
      grants: ['authorization_code'],
      origins: [new URL(redirect).origin],
    }),
  ],
  settings: {
    trusted_proxies: ['127.0.0.1', '::1'],
    accounts: { resend_after: 1, messages_a_day: 100, password_tries: 20 },
  },
} as const;

let addresses = 0;

/** Somebody at a browser and an address that nobody has seen before. */
export class StrangerJar extends Jar {
  readonly #from: string;

  constructor() {
    super();
    addresses += 1;
    this.#from = `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`;
  }

  override fetch(url: string, init: RequestInit = {}): Promise<Response> {
    return super.fetch(url, { ...init, headers: { ...init.headers, 'x-forwarded-for': this.#from } });
  }
}

/** Accounts of every standing, made at the gateway's own doors: `count` names of each, from this place of the pool on. */
export async function everyName(own: Pair, count: number, from = 0): Promise<Names> {
  const people = await own.people(count * standings.length, from);
  const [known, unknown, disabled, province] = standings.map((_, n) => people.slice(n * count, (n + 1) * count));
  if (!known || !unknown || !disabled || !province) throw new Error('nobody');
  for (const person of known) await register(own, person);
  for (const person of disabled) {
    await register(own, person);
    const [account] = await own.database.sql<{ id: string }[]>`
      select id from accounts order by created_at desc limit 1`;
    await own.egret('accounts', 'disable', account?.id ?? '');
  }
  for (const person of province) await byTicket(own, person);
  // compared at equal numbers of tries: registering took a message of some
  await own.database.sql`delete from budgets`;
  return { known, unknown, disabled, province };
}

async function register(own: Pair, person: Person): Promise<void> {
  const passer = new Passer(own, new StrangerJar());
  await passer.register(person, passer.visit('public').url, { password, realName: true });
}

async function byTicket(own: Pair, { number }: Person): Promise<void> {
  const citizen = new Passer(own, new StrangerJar());
  const { at } = await citizen.form(citizen.visit('public').url);
  const login = new URL((await citizen.open(`${at}/province`)).to ?? '');
  const form = new URLSearchParams([...login.searchParams, ['number', number]]);
  const answer = await fetch(login.href.replace(/\?.*/, ''), { method: 'POST', body: form, redirect: 'manual' });
  const back = answer.headers.get('location') ?? '';
  if (!back.includes('trustticket')) throw new Error(`no ticket: ${answer.status}`);
  await citizen.open(back);
}

/** What somebody sees of one answer; what differs between any two requests is made the same. */
export interface Seen {
  readonly status: number;
  /** Names and values, one a line, in the order they came. */
  readonly headers: string;
  readonly page: string;
  /** Milliseconds from the request to the end of its answer. */
  readonly ms: number;
}

/** A browser at a step of its own journey. */
export class Stranger {
  readonly #own: Pair;
  readonly #jar = new StrangerJar();
  #at = '';
  #token = '';

  constructor(own: Pair) {
    this.#own = own;
  }

  async begin(way: string): Promise<void> {
    const passer = new Passer(this.#own, this.#jar);
    const { at } = await passer.form('/account');
    this.#at = at;
    this.#token = (await passer.form(`${at}?way=${way}`)).token;
  }

  /** One form, and where it leads to: the page is that of the journey afterwards. */
  async post(action: string, form: Readonly<Record<string, string>>): Promise<Seen> {
    const [side] = this.#own.sides;
    const body = new URLSearchParams({ form_token: this.#token, ...form });
    const headers = { origin: this.#own.issuer };
    const began = performance.now();
    const answer = await this.#jar.fetch(`${side}${this.#at}/${action}`, { method: 'POST', headers, body });
    const text = await answer.text();
    const ms = performance.now() - began;
    const to = answer.headers.get('location');
    const shown = to ? await this.#jar.fetch(new URL(to, side).href) : undefined;
    const page = shown ? await shown.text() : text;
    return {
      status: answer.status,
      headers: [answer, ...(shown ? [shown] : [])].map((one) => this.#headers(one)).join('\n\n'),
      page: this.#same(page, Object.values(form)),
      ms,
    };
  }

  #headers(answer: Response): string {
    const cookies = answer.headers.getSetCookie().map((line) => `set-cookie: ${line.replace(/=[^;]*/, '=…')}`);
    const others = [...answer.headers].filter(([name]) => name !== 'set-cookie' && name !== 'date');
    return this.#same([...others.map(([name, value]) => `${name}: ${value}`), ...cookies].join('\n'), []);
  }

  #same(text: string, typed: readonly string[]): string {
    let same = text
      .replaceAll(this.#at.slice('/signin/'.length), '…')
      .replaceAll(this.#token, '…')
      // a pause ends, a code is over
      .replaceAll(/\d{1,2}:\d{2}(?::\d{2})?/g, '…')
      .replaceAll(/datetime="[^"]*"/g, 'datetime="…"')
      .replaceAll(/(retry-after: )\d+/g, '$1…')
      .replaceAll(/<span class="masked">.*?<\/span><\/span>/g, '…');
    for (const value of typed) if (value.length > 5) same = same.replaceAll(value, '…');
    return same;
  }
}

/** A door where a name is tried: what is typed there, and into what way of the journey. */
export interface Surface {
  readonly name: string;
  readonly way: string;
  readonly action: string;
  readonly typed: (person: Person) => Readonly<Record<string, string>>;
  /** It lets a code be sent, or not. */
  readonly code?: true;
  readonly standings: readonly Standing[];
}

const wrong = 'heron-marsh-41-quince';
const withMobile = standings.filter((one) => one !== 'province');

export const surfaces: readonly Surface[] = [
  {
    name: 'password, by mobile',
    way: 'password',
    action: 'password',
    typed: ({ mobile }) => ({ login_id: mobile, password: wrong }),
    standings: withMobile,
  },
  {
    name: 'password, by ID number',
    way: 'password',
    action: 'password',
    typed: ({ number }) => ({ login_id: number, password: wrong }),
    standings,
  },
  {
    name: 'code of a sign-in',
    way: 'sms',
    action: 'mobile',
    typed: ({ mobile }) => ({ mobile }),
    code: true,
    standings,
  },
  {
    name: 'code of a reset',
    way: 'recover',
    action: 'recover',
    typed: ({ mobile }) => ({ mobile }),
    code: true,
    standings,
  },
  {
    name: 'code of a registration',
    way: 'register',
    action: 'register',
    typed: ({ mobile }) => ({ mobile, agree_terms: 'on' }),
    code: true,
    standings,
  },
];

/** One try at a surface by somebody nobody knows: the answer, and those of guesses at the code that followed. */
export async function tryOne(own: Pair, surface: Surface, person: Person, guesses = 0): Promise<readonly Seen[]> {
  const stranger = new Stranger(own);
  await stranger.begin(surface.way);
  const seen = [await stranger.post(surface.action, surface.typed(person))];
  for (let n = 0; n < guesses; n++) seen.push(await stranger.post('code', { otp: `00000${n}` }));
  return seen;
}
