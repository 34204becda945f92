/** A browser without a window: follows redirects, keeps cookies by host and name (not by port, as browsers do). */
export interface Answer {
  readonly status: number;
  readonly url: string;
  readonly text: string;
  readonly headers: Headers;
}

export class Browser {
  readonly #jar = new Map<string, Map<string, string>>();
  /** Every address it went to, redirects included. */
  readonly visited: string[] = [];

  cookieNames(host: string): string[] {
    return [...(this.#jar.get(host)?.keys() ?? [])];
  }

  cookie(host: string, name: string): string | undefined {
    return this.#jar.get(host)?.get(name);
  }

  get(url: string, options: { follow?: boolean; headers?: Record<string, string> } = {}): Promise<Answer> {
    return this.#go(url, { method: 'GET', headers: options.headers ?? {} }, options.follow ?? true);
  }

  /** Posts a form, as a page of the same origin would, unless other headers are given. */
  post(url: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Answer> {
    const own = { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' };
    return this.#go(url, { method: 'POST', headers: headers ?? own, body: new URLSearchParams(form) }, true);
  }

  async json(url: string): Promise<Record<string, unknown>> {
    return JSON.parse((await this.get(url)).text) as Record<string, unknown>;
  }

  async #go(start: string, first: RequestInit & { headers: Record<string, string> }, follow: boolean): Promise<Answer> {
    let url = start;
    let request: RequestInit & { headers: Record<string, string> } = first;
    for (let hops = 0; hops < 20; hops += 1) {
      this.visited.push(url);
      const { hostname } = new URL(url);
      const jar = this.#jar.get(hostname) ?? new Map<string, string>();
      this.#jar.set(hostname, jar);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: { ...request.headers, ...(cookie === '' ? {} : { cookie }) },
      });
      for (const line of response.headers.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(/; */);
        const at = pair.indexOf('=');
        const gone = attributes.some((one) => /^max-age=0$/i.test(one) || /^expires=Thu, 01 Jan 1970/i.test(one));
        if (gone) jar.delete(pair.slice(0, at));
        else jar.set(pair.slice(0, at), pair.slice(at + 1));
      }
      const to = response.headers.get('location');
      if (to === null || !follow) {
        return { status: response.status, url, text: await response.text(), headers: response.headers };
      }
      await response.body?.cancel();
      url = new URL(to, url).href;
      request = { method: 'GET', headers: {} };
    }
    throw new Error(`too many redirects from ${start}`);
  }
}
