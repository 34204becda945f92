import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Jar } from '../support/browser.ts';

/** What every page of ours carries; each line is one that does not. */
const wanted: Readonly<Record<string, RegExp>> = {
  'content-security-policy': /^default-src 'none';.*; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
  'x-content-type-options': /^nosniff$/,
  'cache-control': /^no-store$/,
  'referrer-policy': /^same-origin$/,
  'x-frame-options': /^DENY$/,
};

export interface Found {
  /** Pages by status: `200 /account`. */
  readonly pages: Set<string>;
  readonly without: string[];
}

/** A browser that looks at the headers of every page it is shown, comes from an address, and can be given cookies. */
export class StrictJar extends Jar {
  readonly found: Found;
  readonly from: string;

  constructor(found: Found, from = '203.0.113.1') {
    super();
    this.found = found;
    this.from = from;
  }

  override async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = { 'x-forwarded-for': this.from, ...(init.headers as Record<string, string>) };
    const answer = await super.fetch(url, { ...init, headers });
    const shown = answer.status < 300 || answer.status >= 400;
    if (shown && answer.headers.get('content-type')?.startsWith('text/html')) {
      const page = `${answer.status} ${new URL(url).pathname}`;
      this.found.pages.add(page);
      for (const [name, value] of Object.entries(wanted))
        if (!value.test(answer.headers.get(name) ?? ''))
          this.found.without.push(`${page}: ${name}: ${answer.headers.get(name)}`);
    }
    return answer;
  }

  /** As somebody with a minute at this browser could: the same cookies as `other` has, or one with this value. */
  async plant(name: string, value: string, path = '/'): Promise<void> {
    const server = http.createServer((_request, answer) =>
      answer.setHeader('set-cookie', `${name}=${value}; Path=${path}`).end(),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await (await super.fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).arrayBuffer();
    server.close();
    server.closeAllConnections();
  }
}
