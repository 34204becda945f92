import net from 'node:net';
import t from 'tap';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';
import { stage } from './rolling.ts';

t.setTimeout(120_000);

/** Issue 4, section 2: both nodes restarted, one after the other, while people roam. */
t.test('a rolling restart of two nodes behind nginx', wants('nginx', 'redis-server'), async (t) => {
  const { own, load } = await stage(t, { people: 2, grace: 1 });
  /** Of the process at this side, since its start. */
  const answered = async (side: 0 | 1): Promise<number> => {
    const text = await (await fetch(`${own.admins[side]}/metrics`)).text();
    return Number(/^egret_requests_total\{.*"\/token".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  const gateways = [...own.gateways];
  for (const side of [0, 1] as const) {
    const before = load.done();
    t.strictSame(await own.gateways[side].stop('SIGTERM'), { code: 0, signal: null }, 'it ends well');
    gateways[side] = await own.restart(side);
    t.ok(load.done() > before, `${load.done() - before} requests were answered meanwhile`);
    // nginx leaves alone for a while who did not answer
    await until(async () => (await answered(side)) > 10);
  }
  await load.stop();
  t.strictSame(load.failed.slice(0, 20), [], `${load.failed.length} of ${load.done()} requests failed`);
  t.comment(`${load.done()} requests; the longest took ${load.longest()} ms`);

  const [one, other] = gateways;
  if (!one || !other) throw new Error('a gateway is missing');
  const readiness = async (side: 0 | 1) => {
    const answer = await fetch(`${own.admins[side]}/readyz`);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  const ending = { status: 503, ok: false, database: 'ok', state: 'ok', keys: 'ok', reason: 'ending' };

  await t.test('a second SIGTERM ends at once', async (t) => {
    await halfSent(own.sides[1], 'body');
    process.kill(other.pid, 'SIGTERM');
    await refused(own.sides[1]);
    t.strictSame(await readiness(1), ending, 'it waits for what was begun');
    t.strictSame(await other.stop('SIGTERM'), { code: 1, signal: null });
  });

  await t.test('what was begun is answered, and what was done is told', async (t) => {
    const body = await halfSent(own.sides[0], 'body');
    const head = await halfSent(own.sides[0], 'head');
    process.kill(one.pid, 'SIGTERM');
    await until(async () => (await readiness(0)).status === 503);
    t.strictSame(await readiness(0), ending);
    await refused(own.sides[0]);
    const refusal = /^HTTP\/1\.1 400 [\s\S]*"error":"invalid_grant"/;
    t.match(await body.rest(), refusal);
    const late = await head.rest();
    t.match(late, refusal);
    t.match(late, /^connection: close\r$/im, 'who asks now is told to come back elsewhere');
    t.strictSame(await one.exit, { code: 0, signal: null });
    const [told] = await own.database
      .sql`select count(*)::int as count from audit_log where type in ('token.issued', 'token.refreshed')`;
    t.equal(told?.count, load.tokens(), 'each token that was given is in the trail, once');
    t.match(await own.egret('audit', 'verify'), /\d+ events/);
  });
});

const form = 'grant_type=authorization_code&client_id=public&code=a&redirect_uri=http%3A%2F%2Fa&code_verifier=a';
const head = [
  'POST /token HTTP/1.1',
  'host: a',
  'content-type: application/x-www-form-urlencoded',
  `content-length: ${form.length}`,
].join('\r\n');

/** A request sent up to its head, or to its body; answers once so much was read, `rest` sends what is missing. */
async function halfSent(origin: string, part: 'head' | 'body'): Promise<{ rest(): Promise<string> }> {
  const socket = net.connect(Number(new URL(origin).port), '127.0.0.1').setEncoding('utf8');
  let answer = '';
  socket.on('data', (text: string) => {
    answer += text;
  });
  const closed = new Promise<void>((done) => socket.on('error', () => {}).on('close', () => done()));
  // an answer to what came before says that it was read so far
  socket.write(`GET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n${part === 'head' ? 'POST ' : `${head}\r\n\r\n`}`);
  await until(() => answer.includes('</html>'));
  return {
    async rest() {
      answer = '';
      socket.write(part === 'head' ? `${head.slice(5)}\r\n\r\n${form}` : form);
      await closed;
      return answer;
    },
  };
}

/** Until nobody takes connections there. */
const refused = (origin: string): Promise<void> =>
  until(() =>
    fetch(origin, { redirect: 'manual' }).then(
      () => false,
      (error) => error.cause?.code === 'ECONNREFUSED',
    ),
  );
