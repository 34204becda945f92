import { onward, type Person, password, Visitor } from '../signin/visitor.ts';
import { until } from '../support/processes.ts';

/** However busy the machine is. */
export const patience = 60_000;

/** What a portal says of itself and of this browser. */
export interface State {
  readonly session: { readonly sub: string; readonly sid: string; readonly scope: readonly string[] } | null;
  readonly ended: 'notice' | 'time' | null;
  readonly notices: readonly { readonly outcome: string; readonly sid?: string; readonly ended?: number }[];
}

export interface Answer {
  readonly status: number;
  /** Where it pointed. */
  readonly to: string | null;
  readonly page: string;
}

const readable = (page: string): string => page.replaceAll('&#61;', '=').replaceAll('&amp;', '&');

/** A person's browser without a script that goes from one department to the next. */
export class Roamer extends Visitor {
  /** The last consent page. */
  asked = '';

  /** Registers with the real name, and waits for the province. */
  async join(who: Person): Promise<void> {
    await this.begin();
    await this.see('?way=register');
    const otp = await this.ask(who.mobile, 'register', { mobile: who.mobile, agree_terms: 'on' });
    await this.send('code', { otp });
    await this.send('method', { new_password: password });
    await this.send('real-name', { full_name: who.name, id_number: who.number, card_type: '111' });
    await until(async () => (await this.see()).page.includes('?seen'), patience);
    await this.arrive(await this.see('?seen=result'));
  }

  async signIn(who: Person): Promise<void> {
    await this.begin();
    await this.arrive(await this.byPassword(who.mobile));
  }

  /** Signs in through the province's own page, which hands over a trust ticket. */
  async signInThroughProvince(number: string): Promise<void> {
    await this.begin();
    const away = (await this.jar.fetch(`${this.at}/province`)).headers.get('location') ?? '';
    const returnurl = new URL(away).searchParams.get('returnurl') ?? '';
    const back = await fetch(new URL('/dataset/UnifiedController/login.do', this.own.province), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ callerCode: 'EGRET', returnurl, number }),
      headers: { origin: this.own.province },
    });
    await this.arrive(await this.open(back.headers.get('location') ?? ''));
  }

  /**
   * Signs in at a portal by its own link. Answers the pages on the way: nothing, `roaming`, `consent`; or `login`, and
   * then it stays there. At the notice it goes on, or is somebody else (`switch`), or leaves.
   */
  async visit(
    n: number,
    options: { skipNotice?: boolean; roaming?: 'continue' | 'switch' | 'leave'; grant?: string } = {},
  ): Promise<string[]> {
    const portal = this.own.portal(n);
    const seen: string[] = [];
    let target = (await this.jar.fetch(`${portal}/sign-in`)).headers.get('location') ?? '';
    for (let step = 0; step < 10; step++) {
      if (target.startsWith(portal)) {
        const back = await this.jar.fetch(target);
        if (back.headers.get('location') === '/') return seen;
        throw new Error(`not signed in at portal ${n}: ${back.status} ${await back.text()}`);
      }
      const { answer, to } = await this.jar.follow(target);
      const page = readable(await answer.text());
      const [, further] = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page) ?? [];
      const [, uid, asked = ''] = /action="\/signin\/([\w-]+)\/(consent|roaming|password)[#"]/.exec(page) ?? [];
      if (to) target = to;
      else if (further) target = new URL(further, this.own.issuer).href;
      else if (uid) {
        this.at = `${this.own.issuer}/signin/${uid}`;
        seen.push(asked === 'password' ? 'login' : asked);
        if (asked === 'password') return seen;
        const form: Record<string, string> = {
          decision: asked === 'consent' ? 'agree' : (options.roaming ?? 'continue'),
        };
        if (asked === 'consent') this.asked = page;
        if (asked === 'consent' && options.grant) form.grant = options.grant;
        if (asked === 'roaming' && options.skipNotice) form.skip_notice = 'on';
        target = new URL(onward(await this.send(asked, form)), this.own.issuer).href;
      } else throw new Error(`no way on to portal ${n}: ${answer.status} ${page.slice(0, 600)}`);
    }
    throw new Error(`too many pages before portal ${n}`);
  }

  async state(n: number): Promise<State> {
    return (await this.jar.fetch(`${this.own.portal(n)}/__demo/state`)).json() as Promise<State>;
  }

  /** Presses a button of a portal that somebody is signed in at; answers the page that follows. */
  async atPortal(n: number, action: string): Promise<string> {
    const portal = this.own.portal(n);
    await this.jar.fetch(portal + action, { method: 'POST', headers: { origin: portal } });
    return (await this.jar.fetch(portal)).text();
  }

  /** The portal's own sign-out ends its session, and sends the browser here. */
  async leave(n: number): Promise<URL> {
    const answer = await this.jar.fetch(`${this.own.portal(n)}/sign-out`, { method: 'POST' });
    const to = answer.headers.get('location') ?? '';
    if (!to.startsWith(this.own.issuer)) throw new Error(`no sign-out at portal ${n}: ${answer.status} ${to}`);
    return new URL(to);
  }

  /** One request, no redirect followed. */
  async request(url: string, init: RequestInit = {}): Promise<Answer> {
    const answer = await this.jar.fetch(new URL(url, this.own.issuer).href, init);
    return { status: answer.status, to: answer.headers.get('location'), page: readable(await answer.text()) };
  }

  /** The hidden fields of a page's form. */
  async hidden(page: string): Promise<Record<string, string>> {
    const shown = await this.open(page);
    const fields = ['form_token', 'request'].flatMap((name) => {
      const [, value] = new RegExp(`name="${name}" value="([^"]+)"`).exec(shown.page) ?? [];
      return value ? [[name, value]] : [];
    });
    if (fields.length === 0) throw new Error(`no form at ${page}: ${shown.status} ${shown.title}`);
    return Object.fromEntries(fields);
  }

  /** Sends a form of ours from its page. */
  async press(
    page: string,
    action: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams({ ...(await this.hidden(page)), ...fields });
    return this.request(action, { method: 'POST', body, headers: { origin: this.own.issuer, ...headers } });
  }
}

/** How a portal answers the next notices: normal, slow, error, hang. */
export async function answers(portal: string, mode: 'normal' | 'slow' | 'error' | 'hang'): Promise<void> {
  const answer = await fetch(`${portal}/__demo/logout-mode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode }),
  });
  if (!answer.ok) throw new Error(`${portal} does not take ${mode}: ${answer.status}`);
}
