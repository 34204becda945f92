import { Citizen, type Shown } from '../races/citizen.ts';
import { Jar } from '../support/browser.ts';

/** What was secret on the way, by kind; the same thing once. */
export class Secrets {
  readonly #kinds = new Map<string, Set<string>>();

  add(kind: string, ...values: readonly (string | null | undefined)[]): void {
    const known = this.#kinds.get(kind) ?? new Set();
    this.#kinds.set(kind, known);
    for (const value of values) if (value) known.add(value);
  }

  get kinds(): readonly (readonly [kind: string, values: readonly string[]])[] {
    return [...this.#kinds].map(([kind, values]) => [kind, [...values]]);
  }
}

/** Remembers every cookie it is given, every form token it is shown, every code and ticket in an address. */
export class OpenJar extends Jar {
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    super();
    this.#secrets = secrets;
  }

  override async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const answer = await super.fetch(url, init);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value.length > 15) this.#secrets.add(`cookie ${name}`, value);
    }
    const to = answer.headers.get('location');
    const query = to ? new URL(to, url).searchParams : undefined;
    this.#secrets.add('authorization code', query?.get('code'));
    this.#secrets.add('province ticket', query?.get('trustticket'));
    this.#secrets.add('sealed sign-out request', query?.get('request'));
    const back = query?.get('returnurl');
    if (back) this.#secrets.add('state of the province', new URL(back).searchParams.get('state'));
    const page = await answer.clone().text();
    for (const [, token] of page.matchAll(/name="form_token" value="([^"]+)"/g)) this.#secrets.add('form token', token);
    return answer;
  }
}

/** A citizen whose forms carry all their hidden fields. */
export class Passer extends Citizen {
  override async send(at: string, action: string, form: Record<string, string> = {}): Promise<Shown> {
    const { token, page } = await this.form(at);
    const [, own = ''] = new RegExp(`<form[^>]*action="${at}/${action}#err"[^>]*>([\\s\\S]*?)</form>`).exec(page) ?? [];
    const hidden = [...own.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const fields = Object.fromEntries(hidden.map(([, name, value]) => [name, value]));
    const answer = await this.post(at, action, token, { ...fields, ...form });
    const shown = await answer.text();
    const location = answer.headers.get('location');
    return location ? this.open(location) : { status: answer.status, page: shown, to: undefined };
  }
}
