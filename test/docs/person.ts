import { Browser } from '../demo/portals/browser.ts';
import type { City } from '../support/city.ts';

/** Somebody at a browser without a script: reads the page, fills in the form it shows, goes where it leads. */
export class Person {
  readonly browser = new Browser();
  url = '';
  status = 0;
  text = '';
  readonly #city: City;

  constructor(city: City) {
    this.#city = city;
  }

  /** Opens an address, and goes on from pages that go on by themselves. */
  async open(url: string): Promise<this> {
    await this.#arrive(await this.browser.get(url));
    return this;
  }

  /** Sends the form of this page whose action ends so, with the fields it holds and these. */
  async send(action: string, fields: Record<string, string> = {}): Promise<this> {
    const form = [...this.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].find(([, head = '']) =>
      (attribute(head, 'action') ?? '').replace(/[#?].*$/, '').endsWith(action),
    );
    if (!form) throw new Error(`no form to ${action} at ${this.url}: ${this.words()}`);
    const [, head = '', body = ''] = form;
    const hidden: Record<string, string> = {};
    for (const [input] of body.matchAll(/<input\b[^>]*>/g)) {
      const name = attribute(input, 'name');
      const ticked = /type="checkbox"/.test(input) && / checked\b/.test(input);
      if (name && (/type="hidden"/.test(input) || ticked)) hidden[name] = attribute(input, 'value') ?? 'on';
    }
    const to = new URL(attribute(head, 'action') ?? '', this.url).href;
    await this.#arrive(await this.browser.post(to, { ...hidden, ...fields }));
    return this;
  }

  /** Opens the first link with these words, or to this address. */
  follow(words: string): Promise<this> {
    const links = [...this.text.matchAll(/<a\b([^>]*)>([\s\S]*?)<\/a>/g)];
    const link = links.find(([, head = '', body = '']) => body.includes(words) || attribute(head, 'href') === words);
    if (!link) throw new Error(`no link ${words} at ${this.url}: ${this.words()}`);
    return this.open(new URL(attribute(link[1] ?? '', 'href') ?? '', this.url).href);
  }

  /** Registers from the sign-in page with a mobile and a password; with a name and number, with a real name too. */
  async register(who: { mobile: string; name?: string; number?: string }, password: string): Promise<this> {
    await this.open(`${this.url}?way=register`);
    await this.send('/register', { mobile: who.mobile, agree_terms: 'on' });
    await this.send('/code', { otp: await this.#city.code(who.mobile) });
    await this.send('/method', { new_password: password });
    if (!who.name || !who.number) return this.send('/later');
    await this.send('/real-name', { full_name: who.name, id_number: who.number });
    return this.follow('继续前往');
  }

  /** From notice and consent to the department; agrees to what is asked as a whole, or to nothing. */
  async agree(decision: 'agree' | 'decline' = 'agree'): Promise<this> {
    for (let step = 0; step < 4 && this.url.startsWith(this.#city.issuer); step++) {
      if (/action="[^"]*\/roaming/.test(this.text)) await this.send('/roaming', { decision: 'continue' });
      else await this.send('/consent', { decision, ...(decision === 'agree' ? { grant: 'asked' } : {}) });
    }
    return this;
  }

  /** What stands on the page, without its marks. */
  words(): string {
    return this.text
      .replace(/<(style|script|head)[\s\S]*?<\/\1>|<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ')
      .slice(0, 800);
  }

  async #arrive(answer: { status: number; url: string; text: string }): Promise<void> {
    let last = answer;
    for (let hops = 0; hops < 10; hops++) {
      const onward = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(last.text)?.[1];
      if (!onward) break;
      last = await this.browser.get(new URL(plain(onward), last.url).href);
    }
    ({ status: this.status, url: this.url, text: this.text } = last);
  }
}

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : plain(value);
};

/** The characters that HTML writes otherwise. */
export const plain = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, number) => String.fromCharCode(Number(number)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
