import http from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Test } from 'tap';

/** A notice as a department's address for them received it. */
export interface Notice {
  readonly client: string;
  readonly sid: string;
  readonly sub: string;
}

export interface Receiver {
  address(client: string): string;
  /** Notices of good signature, in the order they came. */
  readonly notices: readonly Notice[];
  /** Why others were refused. */
  readonly wrong: readonly unknown[];
  /** What a department answers, instead of 200; 'hang' answers nothing. */
  readonly answers: Map<string, number | 'hang'>;
}

/** The back-channel addresses of departments, on one port: `/<client>`. */
export async function receiver(t: Test, port: number, issuer: string): Promise<Receiver> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const notices: Notice[] = [];
  const wrong: unknown[] = [];
  const answers: Receiver['answers'] = new Map();
  const server = http.createServer(async (request, response) => {
    const client = (request.url ?? '').slice(1);
    const answer = answers.get(client) ?? 200;
    if (answer === 'hang') return;
    try {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { payload } = await jwtVerify(new URLSearchParams(body).get('logout_token') ?? '', keys, {
        issuer,
        audience: client,
        typ: 'logout+jwt',
      });
      if (answer === 200) notices.push({ client, sid: String(payload.sid), sub: String(payload.sub) });
      response.writeHead(answer).end();
    } catch (error) {
      wrong.push(error);
      response.writeHead(400).end();
    }
  });
  await new Promise<void>((done) => {
    server.listen(port, '127.0.0.1', done);
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: (client) => `http://127.0.0.1:${port}/${client}`, notices, wrong, answers };
}
