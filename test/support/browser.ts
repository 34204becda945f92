import { createHash, randomBytes } from 'node:crypto';

/** A browser without a screen: keeps cookies by name and path, follows redirects one at a time. */
export class Jar {
  readonly #cookies = new Map<string, { value: string; path: string }>();

  header(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path.startsWith(cookie.path))
      .map(([key, { value }]) => `${key.split('|')[0]}=${value}`)
      .join('; ');
  }

  get(name: string): string | undefined {
    return [...this.#cookies].find(([key]) => key.startsWith(`${name}|`))?.[1].value;
  }

  drop(name: string): void {
    for (const key of this.#cookies.keys()) if (key.startsWith(`${name}|`)) this.#cookies.delete(key);
  }

  clone(): Jar {
    const copy = new Jar();
    for (const [key, cookie] of this.#cookies) copy.#cookies.set(key, cookie);
    return copy;
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, cookie: this.header(new URL(url).pathname) },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const path = attributes.map((each) => /^\s*path=(.*)$/i.exec(each)?.[1]).find(Boolean) ?? '/';
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(`${name}|${path}`);
      else this.#cookies.set(`${name}|${path}`, { value, path });
    }
    return answer;
  }

  /** Follows redirects while they stay on this origin; answers the last answer and where it pointed. */
  async follow(url: string): Promise<{ answer: Response; to: string | undefined }> {
    let next = url;
    for (let hops = 0; hops < 12; hops++) {
      const answer = await this.fetch(next);
      const to = answer.headers.get('location');
      if (!to) return { answer, to: undefined };
      const target = new URL(to, next);
      if (target.origin !== new URL(url).origin) return { answer, to: target.href };
      await answer.arrayBuffer();
      next = target.href;
    }
    throw new Error('a loop of redirects');
  }
}

export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
