import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { events } from '../../src/audit/audit.ts';
import { loadConfig } from '../../src/config.ts';
import { catalogue } from '../../src/errors.ts';
import { allMetrics } from '../../src/observe/metrics-table.ts';
import { database } from '../support/database.ts';
import { authorizeUrl } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { sqlWire } from '../support/sql-wire.ts';
import { wants } from '../support/wants.ts';

t.setTimeout(240_000);

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** One request as it stands, with a Host of its own. */
const send = (port: number, path: string, options: { method?: string; headers?: object; body?: string } = {}) =>
  new Promise<Answer>((done, fail) => {
    const { method = 'GET', headers, body } = options;
    const request = http.request(
      { host: '127.0.0.1', port, path, method, headers: { ...headers }, agent: false },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () =>
          done({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', body: text }),
        );
        answer.on('error', fail);
      },
    );
    request.on('error', fail).end(body);
  });

const raw = (port: number, text: string) =>
  new Promise<string>((done, fail) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text)).setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('close', () => done(answer)).on('error', fail);
  });

/** The series of our metrics and of the process's: name, labels, value. */
function series(text: string): { name: string; labels: Record<string, string> }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = ''] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (?:-?[\d.e+-]+|NaN|\+Inf)$/i.exec(line) ?? [];
      if (!name) throw new Error(`no line of the text format: ${line}`);
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
      return { name, labels: Object.fromEntries(pairs) };
    });
}

const labelValues = (text: string, label: string): string[] =>
  [
    ...new Set(series(text).flatMap(({ name, labels }) => (name.startsWith('egret_') ? (labels[label] ?? []) : []))),
  ].sort();

t.test("the operators' listener, and the log", wants('redis-server'), async (t) => {
  const records = await database(t);
  const wire = await sqlWire(t, records.url);
  const own = await pair(t, {
    redis: true,
    env: { EGRET_DATABASE_URL: wire.url, EGRET_LOG: 'info' },
    clients: () => [
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
      }),
    ],
  });
  const open = Number(new URL(own.sides[0]).port);
  // as pair.ts hands them out
  const port = open + 1;
  const host = `localhost:${port}`;
  const ask = (path: string) => send(port, path, { headers: { host } });
  const paths = ['/healthz', '/readyz', '/metrics', '/bridge/public-keys'];

  await t.test('its names are this machine, and no other', async (t) => {
    for (const path of paths) {
      for (const name of [host, `127.0.0.1:${port}`])
        t.equal((await send(port, path, { headers: { host: name } })).status, 200, `${path} as ${name}`);
      for (const name of [
        ...['evil.example', `evil.example:${port}`, 'localhost', '127.0.0.1', `localhost:${open}`],
        ...[`LOCALHOST.evil.example:${port}`, `localhost:${port}.evil.example`, `user@localhost:${port}`],
      ]) {
        const { status, body } = await send(port, path, { headers: { host: name, 'x-forwarded-host': host } });
        t.equal(status, 421, `${path} as ${name}`);
        t.match(JSON.parse(body), { error: 'misdirected', code: 'EG-1001' });
      }
    }
    for (const head of ['GET /metrics HTTP/1.1\r\nHost:\r\n', 'GET /metrics HTTP/1.0\r\n'])
      t.match(await raw(port, `${head}Connection: close\r\n\r\n`), /^HTTP\/1\.1 421 /, 'without a name');
    t.equal((await send(port, '/nowhere', { headers: { host: 'evil.example' } })).status, 421);
    t.equal((await ask('/nowhere')).status, 404);
    t.equal((await send(port, '/metrics', { method: 'POST', headers: { host } })).status, 404);
  });

  await t.test('it listens on loopback only', async (t) => {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listening = ['tcp', 'tcp6'].flatMap((name) =>
      fs
        .readFileSync(`/proc/net/${name}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === '0A')
        .map(([, local]) => local),
    );
    t.same(listening, [`0100007F:${hex}`]);
    for (const { address, internal, family } of Object.values(os.networkInterfaces()).flatMap((each) => each ?? [])) {
      if (internal || family !== 'IPv4') continue;
      const reached = await new Promise((done) => {
        const socket = net.connect(port, address, () => done(true)).on('error', () => done(false));
        socket.setTimeout(2_000, () => done(false)).on('close', () => done(false));
      });
      t.equal(reached, false, 'not from outside');
    }
    const file = join(scratch(t, 'settings'), 'egret.yaml');
    for (const address of ['0.0.0.0', '::', '10.0.0.1', 'localhost']) {
      fs.writeFileSync(file, `admin:\n  host: '${address}'\n`);
      t.throws(() => loadConfig({ env: { EGRET_CONFIG: file } }), { code: 'EG-1901' }, address);
    }
  });

  await t.test('ready, and not ready while a store is away', async (t) => {
    const ready = async () => {
      const { status, body } = await ask('/readyz');
      return { status, ...(JSON.parse(body) as Record<string, unknown>) };
    };
    const everything = { status: 200, ok: true, reason: 'ready', database: 'ok', state: 'ok', keys: 'ok' };
    const becomes = async (wanted: object, why: string) => {
      let last: object = {};
      const same = () =>
        Object.entries(wanted).every(([key, value]) => (last as Record<string, unknown>)[key] === value);
      await until(async () => {
        last = await ready();
        return same();
      }).catch(() => {});
      t.match(last, wanted, why);
      t.match(await ask('/healthz'), { status: 200, body: '{"ok":true}' }, 'it lives');
    };
    await becomes(everything, 'both are there');
    await wire.cut();
    // nobody reaches it: whoever is signed in is still served (test/faults/degraded.ts)
    await becomes(
      { status: 200, ok: true, reason: 'records-away', database: 'unreachable', state: 'ok' },
      'no PostgreSQL',
    );
    await wire.mend();
    await becomes(everything, 'PostgreSQL is back');
    wire.hold();
    await becomes(
      { status: 200, ok: true, reason: 'records-away', database: 'unreachable' },
      'PostgreSQL does not answer',
    );
    wire.release();
    await becomes(everything, 'it answers again');
    await own.redis?.kill();
    await becomes({ status: 503, ok: false, reason: 'state-away', code: 'EG-1703', state: 'unreachable' }, 'no Redis');
    const without = await ask('/metrics');
    t.equal(without.status, 200, 'metrics are there when stores are not');
    t.match(without.body, /^egret_store_up\{store="state"\} 0$/m);
    t.notMatch(without.body, /^egret_audit_stream_waiting /m, 'what could not be read is absent');
    t.match(without.body, /^egret_outbox_waiting 0$/m);
    await own.redis?.start();
    await becomes(everything, 'Redis is back');
  });

  await t.test('metrics: the text format, and labels that no request can add to', async (t) => {
    const anything = async (n: number, method = 'GET'): Promise<void> => {
      const visit = new URL(authorizeUrl(own, n % 2 ? 'public' : `client-${n}`, `${n}`, { state: `${n}` }));
      const all: [path: string, sent?: Parameters<typeof send>[2]][] = [
        [`/path-${n}/${n}?q=${n}`, { method }],
        [`/signin/uid-${n}`],
        [`/sign-out/result/${n}`],
        [visit.pathname + visit.search],
        [
          '/token',
          {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: `grant_type=g${n}&client_id=client-${n}`,
          },
        ],
        [`/assets/${n}.css`],
        [`/account/authorizations/client-${n}`],
        [
          '/session/end',
          {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded', origin: `https://evil-${n}.example` },
            body: `client_id=client-${n}&post_logout_redirect_uri=https://evil-${n}.example`,
          },
        ],
        ['/introspect', { method: 'POST', headers: { authorization: `Basic ${btoa(`client-${n}:${n}`)}` } }],
      ];
      const [path, sent] = all[n % all.length] ?? ['/'];
      await send(open, path, sent);
    };
    for (let n = 0; n < 18; n++) await anything(n);
    // an attempt is told beside the answer
    await until(async () => labelValues((await ask('/metrics')).body, 'type').includes('sign-out.refused'));
    const before = await ask('/metrics');
    t.match(before.type, /^text\/plain; version=0\.0\.4/);
    const names = new Set(series(before.body).map(({ name }) => name));
    for (const name of [
      'egret_requests_total',
      'egret_request_seconds_bucket',
      'egret_clients',
      'egret_outbox_waiting',
    ])
      t.ok(names.has(name), name);
    const told = [...before.body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const table = Object.entries(allMetrics).map(([name, { type }]) => `${name} ${type}`);
    t.strictSame(told.sort(), table.sort(), 'every metric of the table, and no other');
    for (const { name, labels } of series(before.body)) {
      const known = allMetrics[name] ?? allMetrics[name.replace(/_(bucket|sum|count)$/, '')];
      const wanted = Object.keys(known?.labels ?? {});
      t.strictSame(
        Object.keys(labels).filter((label) => label !== 'le' && !wanted.includes(label)),
        [],
        `labels of ${name}`,
      );
    }
    t.match(before.body, /^egret_store_up\{store="records"\} 1$/m);
    t.match(before.body, /^egret_events_total\{type="process.started",outcome="success",code="none"\} 1$/m);
    t.match(before.body, /^egret_build_info\{version="[\d.]+",node="v[\d.]+"\} 1$/m);
    const routes = labelValues(before.body, 'route');
    for (const route of ['/signin/:uid', '/authorize', '/token', '/sign-out/result/:id', 'unknown'])
      t.ok(routes.includes(route), `${route} among ${routes}`);

    const seen = series(before.body).length;
    const methods = http.METHODS.filter((method) => !['CONNECT', 'GET', 'QUERY'].includes(method));
    for (let n = 100; n < 600; n += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, more) => anything(n + more, methods[(n + more) % methods.length])),
      );
    // each of these methods at a path that is none, whatever the turns above hit
    for (const method of methods) await send(open, `/none-${method}`, { method });
    const after = (await ask('/metrics')).body;
    t.same(labelValues(after, 'route'), routes, 'no new route');
    t.same(
      labelValues(after, 'type').filter((type) => !Object.hasOwn(events, type)),
      [],
      'events of the table',
    );
    t.same(
      labelValues(after, 'code').filter((code) => code !== 'none' && !Object.hasOwn(catalogue, code)),
      [],
      'codes of the catalogue',
    );
    t.same(
      labelValues(after, 'status'),
      ['2xx', '3xx', '4xx'].filter((each) => labelValues(after, 'status').includes(each)),
    );
    const known = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'other'];
    t.same(
      labelValues(after, 'method').filter((each) => !known.includes(each)),
      [],
      'methods of the web, and one word for all others',
    );
    t.ok(series(after).length - seen < 40, `${seen} series, then ${series(after).length}`);
    for (const word of ['path-', 'uid-', 'client-', 'evil']) t.notOk(after.includes(word), `no ${word} in it`);
  });

  await t.test('none of it for the public', async (t) => {
    for (const path of paths)
      for (const name of [`localhost:${open}`, host, `127.0.0.1:${port}`]) {
        const { status, body } = await send(open, path, { headers: { host: name } });
        t.equal(status, 404, `${path} as ${name}`);
        t.notMatch(body, /egret_|"ok"|signKey/);
      }
  });

  await t.test('the log: JSON lines, no query, nobody in it', async (t) => {
    const [person] = await own.people(1, 815);
    const { name = '', number = '', mobile = '' } = person ?? {};
    // lines are written together: what was said before this stands there once the last of it does
    await send(open, '/terms');
    await until(() => /"\/terms".*\n/.test(own.gateways[0].output()));
    const before = own.gateways[0].output().length;
    const query = `?mobile=${mobile}&name=${encodeURIComponent(name)}&number=${number}`;
    for (const path of [
      '/account',
      '/sign-out',
      '/signin/x',
      `/${mobile}`,
      `/signin/${number}`,
      '/authorize',
      '/userinfo',
    ])
      await send(open, path + query, {
        headers: { host: `localhost:${open}`, referer: `http://a/${query}`, cookie: `a=${mobile}` },
      });
    await send(open, '/faq');
    const fresh = () => own.gateways[0].output().slice(before);
    await until(() => fresh().includes('"/faq"') && fresh().endsWith('\n'));
    const lines = fresh()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const answered = lines.filter(({ msg }) => msg === 'answered');
    t.ok(answered.length >= 7, `${answered.length} requests`);
    for (const line of answered)
      t.match(line, {
        level: 30,
        time: Number,
        route: /^(unknown|\/[\w:/-]*)$/,
        method: 'GET',
        status: Number,
        ms: Number,
      });
    const whole = own.gateways.map((gateway) => gateway.output()).join('');
    t.same(
      whole.split('\n').filter((line) => line !== '' && !isJson(line)),
      [],
      'nothing but JSON',
    );
    for (const word of [mobile, name, encodeURIComponent(name), number, '?mobile', 'client_id=', 'state='])
      t.notOk(whole.includes(word), 'not in the log');
  });
});

const isJson = (line: string): boolean => {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
};
