import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Jar, pkce } from '../support/browser.ts';
import { type City, city } from '../support/city.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

/** A test person as PROVINCE.md section 6 has them. */
export interface Person {
  readonly name: string;
  readonly number: string;
  readonly mobile: string;
}

/** `test('乙', '350299199001010221')`: the mobile is made of the number. */
export const person = (name: string, number: string, mobile?: string): Person => ({
  name,
  number,
  mobile: mobile ?? `1540000${number.slice(-4).replace('X', '0')}`,
});

export const password = 'otter-canal-92-plum';

export interface Page {
  readonly status: number;
  readonly page: string;
  /** The one h1. */
  readonly title: string;
}

const read = (status: number, page: string): Page => ({
  status,
  page: page.replaceAll('&#61;', '='),
  title: /<h1>([\s\S]*?)<\/h1>/.exec(page)?.[1]?.trim() ?? '',
});

/** A city in which one address may ask for as much as a test asks, and a second code comes after one second. */
export function patientCity(t: Test): Promise<City> {
  const file = join(scratch(t, 'settings'), 'egret.yaml');
  const caps = ['sign_in', 'codes', 'registrations', 'real_name', 'interactions'].map(
    (name) => `  ${name}_per_address: { count: 10000, seconds: 60 }`,
  );
  writeFileSync(file, ['limits:', ...caps, 'accounts:', '  resend_after: 1', ''].join('\n'));
  return city(t, { EGRET_CONFIG: file });
}

/** A person's browser without a script: opens pages, sends their forms, follows what they answer. */
export class Visitor {
  readonly jar = new Jar();
  readonly own: City;
  /** Address of the journey, `http://…/signin/<uid>`. */
  at = '';
  #verifier = '';
  #token = '';

  constructor(own: City) {
    this.own = own;
  }

  /** Any address, to the last answer on this origin. */
  async open(url: string): Promise<Page> {
    const { answer } = await this.jar.follow(new URL(url, this.own.issuer).href);
    return read(answer.status, await answer.text());
  }

  /** Begins at the account centre, or with an authorization request of 好差评 that asks for this acr. */
  async begin(acr?: string): Promise<Page> {
    let start = '/account';
    if (acr !== undefined) {
      const { verifier, challenge } = pkce();
      this.#verifier = verifier;
      start = `/authorize?${new URLSearchParams({
        client_id: 'haochaping',
        redirect_uri: `${this.own.portal(5)}/callback`,
        response_type: 'code',
        scope: 'openid',
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...(acr ? { acr_values: acr } : {}),
      })}`;
    }
    const page = await this.open(start);
    const uid = /"\/signin\/([\w-]+)[/?]/.exec(page.page)?.[1];
    if (!uid) throw new Error(`no sign-in page: ${page.status} ${page.page.slice(0, 600)}`);
    this.at = `${this.own.issuer}/signin/${uid}`;
    return page;
  }

  /** The page of the journey as it stands, or another way of it: `see('?way=sms')`. */
  see(query = ''): Promise<Page> {
    return this.open(this.at + query);
  }

  /** Sends a form of the journey; the answer is the page it led to, with the status of the post itself. */
  async send(action: string, form: Record<string, string> = {}): Promise<Page> {
    // a page without a form has none: that of the page before it still counts
    const { page } = await this.see();
    this.#token = /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? this.#token;
    // which wording a consent was shown in comes back with the answer
    const items = /name="items" value="([^"]+)"/.exec(page)?.[1];
    const answer = await this.jar.fetch(`${this.at}/${action}`, {
      method: 'POST',
      body: new URLSearchParams({ form_token: this.#token, ...(items ? { items } : {}), ...form }),
      headers: { origin: this.own.issuer },
    });
    const to = answer.headers.get('location');
    if (!to) return read(answer.status, await answer.text());
    await answer.arrayBuffer();
    return { ...(await this.open(new URL(to, this.at).href)), status: answer.status };
  }

  /** Sends a form that lets a message go out; waits while it is too soon for one. Answers the code. */
  async ask(mobile: string, action: string, form: Record<string, string> = {}): Promise<string> {
    const before = await this.#codes(mobile);
    let last = read(0, '');
    await until(async () => {
      last = await this.send(action, form);
      return last.status !== 422 || !last.page.includes('刚刚发过验证码');
    });
    if (last.status !== 303) throw new Error(`no message: ${last.status} ${last.title}`);
    return this.own.code(mobile, before);
  }

  async #codes(mobile: string): Promise<number> {
    return (await messages(this.own, mobile)).filter(({ params }) => params.code !== undefined).length;
  }

  /** Registers: `realName` false leaves it for later. */
  async register(who: Person, options: { password?: boolean; realName?: boolean } = {}): Promise<Page> {
    await this.begin();
    await this.see('?way=register');
    const otp = await this.ask(who.mobile, 'register', { mobile: who.mobile, agree_terms: 'on' });
    await this.send('code', { otp });
    await this.send('method', options.password === false ? { method: 'skip' } : { new_password: password });
    if (options.realName === false) return this.arrive(await this.send('later'));
    await this.send('real-name', { full_name: who.name, id_number: who.number, card_type: '111' });
    return this.arrive(await this.see('?seen=result'));
  }

  /** Asks for a code at the SMS way and hands it in. */
  async bySms(mobile: string): Promise<Page> {
    await this.see('?way=sms');
    const otp = await this.ask(mobile, 'mobile', { mobile });
    return this.send('code', { otp });
  }

  byPassword(loginId: string, secret = password): Promise<Page> {
    return this.send('password', { login_id: loginId, password: secret });
  }

  /** Goes on from the page that goes on by itself, to the last page of our origin. */
  async arrive(from: Page): Promise<Page> {
    return this.open(onward(from));
  }

  /** From a finished step through notice and consent to the department; answers its ID token's claims. */
  async tokens(from: Page): Promise<Record<string, unknown>> {
    let target = new URL(onward(from), this.own.issuer).href;
    for (let step = 0; step < 6; step++) {
      const { answer, to } = target.startsWith(this.own.issuer)
        ? await this.jar.follow(target)
        : { answer: undefined, to: target };
      if (to?.startsWith(this.own.portal(5))) return this.#redeem(to);
      const page = (await answer?.text()) ?? '';
      const uid = /action="\/signin\/([\w-]+)\/(consent|roaming)/.exec(page);
      if (!uid) throw new Error(`not at the department: ${read(0, page).title} ${to}`);
      this.at = `${this.own.issuer}/signin/${uid[1]}`;
      const decision = uid[2] === 'consent' ? 'agree' : 'continue';
      target = new URL(onward(await this.send(uid[2] as string, { decision })), this.own.issuer).href;
    }
    throw new Error('too many pages between');
  }

  async #redeem(to: string): Promise<Record<string, unknown>> {
    const query = new URL(to).searchParams;
    const code = query.get('code');
    if (!code) return { error: query.get('error') };
    const answer = await fetch(`${this.own.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'haochaping',
        redirect_uri: `${this.own.portal(5)}/callback`,
        code,
        code_verifier: this.#verifier,
      }),
    });
    const { id_token: token = '' } = (await answer.json()) as { id_token?: string };
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  }

  /** Signed in at the account centre? */
  async isSignedIn(): Promise<boolean> {
    const { answer } = await this.jar.follow(`${this.own.issuer}/account`);
    return !/action="\/signin\//.test(await answer.text());
  }
}

/** Where a page that goes on by itself goes. */
export function onward({ page, title }: Page): string {
  const target = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
  if (!target) throw new Error(`no way on: ${title} ${page.slice(0, 300)}`);
  return target.replaceAll('&#38;', '&');
}

export interface Message {
  readonly at: number;
  readonly template: string;
  readonly params: { readonly code?: string; readonly text?: string };
}

/** What this mobile received, the latest first. */
export async function messages(own: City, mobile: string): Promise<readonly Message[]> {
  const answer = await fetch(`${own.province}/__sim/inbox.json?mobile=${mobile}`);
  return ((await answer.json()) as { messages: Message[] }).messages;
}

/** Makes the province go wrong; the answer ends it. */
export async function fault(own: City, rule: Record<string, unknown>): Promise<() => Promise<void>> {
  const answer = await fetch(`${own.province}/__sim/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rule),
  });
  const { id } = (await answer.json()) as { id: number };
  return async () => {
    await fetch(`${own.province}/__sim/faults/${id}`, { method: 'DELETE' });
  };
}
