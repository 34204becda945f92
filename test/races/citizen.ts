import { Jar, pkce } from '../support/browser.ts';
import { authorizeUrl } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import type { Pair, Person } from '../support/pair.ts';
import { until } from '../support/processes.ts';

export interface Shown {
  readonly status: number;
  readonly page: string;
  /** Where the last answer pointed, when that is not the gateway. */
  readonly to: string | undefined;
}

/** A person's browser without a script. Its requests go to the two gateways by turns, as behind a balancer. */
export class Citizen {
  readonly own: Pair;
  readonly jar: Jar;
  #turn: number;

  constructor(own: Pair, jar = new Jar(), turn = 0) {
    this.own = own;
    this.jar = jar;
    this.#turn = turn;
  }

  /** The same browser in a state of its own, for requests at once; its first one goes to side `turn % 2`. */
  twin(turn: number): Citizen {
    return new Citizen(this.own, this.jar.clone(), turn);
  }

  /** One request, no redirect followed. */
  fetch(url: string, init?: RequestInit): Promise<Response> {
    const { pathname, search } = new URL(url, this.own.issuer);
    return this.jar.fetch(`${this.own.sides[this.#turn++ % 2]}${pathname}${search}`, init);
  }

  /** Follows redirects while they stay at the gateway. */
  async open(url: string): Promise<Shown> {
    let next = new URL(url, this.own.issuer);
    for (let hops = 0; hops < 12; hops++) {
      const answer = await this.fetch(next.href);
      const page = await answer.text();
      const location = answer.headers.get('location');
      if (!location) return { status: answer.status, page, to: undefined };
      next = new URL(location, next);
      if (next.origin !== this.own.issuer) return { status: answer.status, page, to: next.href };
    }
    throw new Error('a loop of redirects');
  }

  /** Opens a page of a journey and answers where it is and the token of its forms. */
  async form(url: string): Promise<{ at: string; token: string; page: string }> {
    const { page, status, to } = await this.open(url);
    const at = /(?:action|href)="(\/signin\/[\w-]+)[/?"]/.exec(page)?.[1];
    const token = /name="form_token" value="([^"]+)"/.exec(page)?.[1];
    if (!at || !token) throw new Error(`no form: ${status} ${to} ${page.slice(0, 800)}`);
    return { at, token, page };
  }

  post(at: string, action: string, token: string, form: Record<string, string> = {}): Promise<Response> {
    return this.fetch(`${at}/${action}`, {
      method: 'POST',
      body: new URLSearchParams({ form_token: token, ...form }),
      headers: { origin: this.own.issuer },
    });
  }

  /** Sends one form of the journey at `at`; answers the page it led to. */
  async send(at: string, action: string, form: Record<string, string> = {}): Promise<Shown> {
    const { token, page: asked } = await this.form(at);
    // which wording a consent was shown in comes back with the answer
    const items = /name="items" value="([^"]+)"/.exec(asked)?.[1];
    const answer = await this.post(at, action, token, { ...(items ? { items } : {}), ...form });
    const page = await answer.text();
    const location = answer.headers.get('location');
    return location ? this.open(location) : { status: answer.status, page, to: undefined };
  }

  /** From any page of the way to the department's address: agrees to what is asked, wants no notice again. */
  async arrive(url: string): Promise<URL> {
    let shown = await this.open(url);
    for (let step = 0; step < 8; step++) {
      if (shown.to?.startsWith(redirect)) return new URL(shown.to);
      const onward = onwardOf(shown);
      const asked = /action="(\/signin\/[\w-]+)\/(roaming|consent)[#"]/.exec(shown.page);
      if (onward) shown = await this.open(onward);
      else if (asked?.[2] === 'roaming')
        shown = await this.send(asked[1] ?? '', 'roaming', { decision: 'continue', skip_notice: 'on' });
      else if (asked?.[2] === 'consent') shown = await this.send(asked[1] ?? '', 'consent', { decision: 'agree' });
      else break;
    }
    throw new Error(`not at the department: ${shown.status} ${shown.to} ${shown.page.slice(0, 1500)}`);
  }

  /** Visits a department: its code, or the error it was answered. */
  async roam(
    client: string,
    more: Record<string, string> = {},
  ): Promise<{ code: string; verifier: string; error: string | null }> {
    const { url, verifier } = this.visit(client, more);
    const { searchParams } = await this.arrive(url);
    return { code: searchParams.get('code') ?? '', verifier, error: searchParams.get('error') };
  }

  visit(client: string, more: Record<string, string> = {}): { url: string; verifier: string } {
    const { verifier, challenge } = pkce();
    return { url: authorizeUrl(this.own, client, challenge, more), verifier };
  }

  /** Registers on the way to `url`, without the real name unless it is wanted; answers where the way goes on. */
  async register(person: Person, url: string, options: { password: string; realName?: boolean }): Promise<string> {
    const { at } = await this.form(url);
    await this.open(`${at}?way=register`);
    await this.send(at, 'register', { mobile: person.mobile, agree_terms: 'on' });
    await this.send(at, 'code', { otp: await this.own.code(person.mobile) });
    await this.send(at, 'method', { new_password: options.password });
    if (!options.realName) return mustGoOn(await this.send(at, 'later'));
    await this.send(at, 'real-name', { full_name: person.name, id_number: person.number, card_type: '111' });
    await until(async () => (await this.open(at)).page.includes(`${at}?seen`));
    return mustGoOn(await this.open(`${at}?seen=result`));
  }
}

/** Where a page that goes on by itself goes. */
export const onwardOf = ({ page }: { page: string }): string | undefined =>
  /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#38;', '&');

export function mustGoOn(shown: Shown): string {
  const onward = onwardOf(shown);
  if (!onward) throw new Error(`no way on: ${shown.status} ${shown.page.slice(0, 1500)}`);
  return onward;
}
