import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';

/** What was answered; `headers` without the cookies, each header once. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly text: string;
}

export interface From {
  readonly to: number;
  /** TLS with this authority; without, plain. */
  readonly authority?: string;
  /** The address it comes from: all of 127.0.0.0/8 is this machine. */
  readonly from: string;
  /** Headers of each request. */
  readonly forged?: Readonly<Record<string, string>>;
}

const host = 'id.city.example';

/** A browser without a script that can lie about everything: keeps all cookies, whatever their path. */
export class Caller {
  readonly #way: From;
  readonly #cookies = new Map<string, string>();
  #line = '';
  #authority: string | undefined;

  constructor(way: From) {
    this.#way = way;
  }

  /** From now on with absolute request lines (RFC 9112, 3.2.2). */
  absolute(origin: string): this {
    this.#line = origin;
    return this;
  }

  /** From now on over HTTP/2, with this :authority and no Host. */
  http2(authority: string): this {
    this.#authority = authority;
    return this;
  }

  get(path: string): Promise<Answer> {
    return this.#ask('GET', path, {}, '');
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string>): Promise<Answer> {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#ask('POST', path, { ...type, ...headers }, new URLSearchParams(form).toString());
  }

  /** Each answer on the way, to the first one that is no redirect; fails on a redirect to another origin. */
  async follow(path: string): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let next: string | undefined = path; next !== undefined; ) {
      const answer = await this.get(next);
      answers.push(answer);
      const onward = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(answer.text)?.[1]?.replaceAll('&amp;', '&');
      const to: string | undefined = answer.headers.location ?? onward?.replaceAll('&#38;', '&');
      const url: URL | undefined = to === undefined ? undefined : new URL(to, `https://${host}`);
      if (url && url.origin !== `https://${host}`) throw new Error(`sent to ${to}`);
      if (answers.length > 12) throw new Error('a loop of redirects');
      next = url && url.pathname + url.search;
    }
    return answers;
  }

  /** The sign-in page before the account centre, and the way there. */
  async signInPage(): Promise<{ answers: Answer[]; action: string; token: string }> {
    const answers = await this.follow('/account');
    const { status, text } = answers.at(-1) as Answer;
    const action = /action="(\/signin\/[\w-]+)\/password/.exec(text)?.[1];
    const token = /name="form_token" value="([^"]+)"/.exec(text)?.[1];
    if (!action || !token) throw new Error(`no sign-in page: ${status} ${text.slice(0, 800)}`);
    return { answers, action, token };
  }

  async #ask(method: string, path: string, headers: Record<string, string>, body: string): Promise<Answer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...this.#way.forged, ...headers, ...(cookie ? { cookie } : {}) };
    const answer = this.#authority
      ? await this.#second(this.#authority, { ':method': method, ':path': path, ...all }, body)
      : await this.#first(method, path, { host, ...all }, body);
    for (const line of answer.cookies) {
      const [name = '', value = ''] = line.split(/[=;]/);
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }

  #first(method: string, path: string, headers: Record<string, string>, body: string): Promise<Answer> {
    const { to: port, from: localAddress, authority } = this.#way;
    const options = { host: '127.0.0.1', port, localAddress, agent: false, method, path: this.#line + path, headers };
    return new Promise((done, fail) => {
      const request = authority
        ? https.request({ ...options, ca: authority, servername: host })
        : http.request(options);
      request.on('response', (reply) => {
        const { 'set-cookie': cookies = [], ...rest } = reply.headers;
        read(reply).then((text) => {
          done({ status: reply.statusCode ?? 0, headers: rest as Record<string, string>, cookies, text });
        }, fail);
      });
      request.on('error', fail).end(body);
    });
  }

  #second(authority: string, headers: Record<string, string>, body: string): Promise<Answer> {
    const { to: port, from: localAddress, authority: ca } = this.#way;
    // the address connected to is 127.0.0.1, the name asked for in TLS ours, :authority whatever is wanted
    const options = { ca, servername: host, localAddress } as http2.SecureClientSessionOptions;
    const session = http2.connect(`https://127.0.0.1:${port}`, options);
    return new Promise<Answer>((done, fail) => {
      session.on('error', fail);
      const stream = session.request({ ...headers, ':authority': authority }, { endStream: false });
      stream.on('error', fail).on('response', ({ ':status': status = 0, 'set-cookie': cookies = [], ...rest }) => {
        read(stream).then((text) => {
          done({ status, headers: rest as Record<string, string>, cookies, text });
        }, fail);
      });
      stream.end(body);
    }).finally(() => session.close());
  }
}

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
