import fs from 'node:fs';
import t from 'tap';
import { Passer } from '../numbers/passer.ts';
import { Jar, pkce } from '../support/browser.ts';
import { redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { routeTable } from '../support/routes.ts';
import { wants } from '../support/wants.ts';
import { type Attack, bent, bodies, heads, paths } from './attacks.ts';
import { type Door, doors, formNames, queryNames } from './doors.ts';
import { allowed, harmless, wrong } from './harmless.ts';
import { type Answer, chance, seed, send, several, shuffled } from './send.ts';
import { everyStand, options } from './stand.ts';
import { difference, stateOf } from './state.ts';
import { exchange, misshapen, smuggled } from './wire.ts';

t.setTimeout(240_000);

/** Issue 4, section 3: every endpoint and every parameter of it, attacked in every way. EGRET_SEED repeats an order. */
t.test('every bad input', wants('redis-server', 'postgresql'), async (t) => {
  const random = chance(seed);
  t.comment(`EGRET_SEED=${seed}`);
  const routes = await routeTable(t);
  const own = await pair(t, options);
  const stands = await everyStand(own);
  const client_id = 'public';
  const table = await doors(routes, stands, {
    '/authorize': {
      ...{ client_id, response_type: 'code', scope: 'openid', redirect_uri: redirect, state: 's' },
      ...{ code_challenge: pkce().challenge, code_challenge_method: 'S256' },
    },
    '/token': { client_id, grant_type: 'refresh_token', refresh_token: '07x' },
    '/introspect': { client_id, token: '07x' },
    '/revoke': { client_id, token: '07x' },
    '/session/end': { client_id, post_logout_redirect_uri: 'http://127.0.0.1:9/out', state: 's' },
  });
  const [side] = own.sides;
  const open = Number(new URL(side).port);
  // as pair.ts hands them out
  const port = { public: open, admin: open + 1 };
  const state = stateOf(own);
  t.teardown(() => state.close());
  /** What the process holds when it has forgotten what nothing holds (support/leash.ts). */
  const heldMB = async (): Promise<number> => {
    const times = () => own.gateways[0].output().split('"forgotten"').length;
    const before = times();
    process.kill(own.gateways[0].pid, 'SIGUSR2');
    await until(() => times() > before);
    const text = await (await fetch(`http://localhost:${port.admin}/metrics`)).text();
    const of = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return (of('nodejs_heap_size_used_bytes') + of('nodejs_external_memory_bytes')) / 2 ** 20;
  };
  const residentMB = () =>
    Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${own.gateways[0].pid}/status`, 'utf8'))?.[1]) / 1024;

  const ask = ({ door, path, headers, body }: Attack): Promise<Answer> => {
    const { method, listener } = door.route;
    const cookie = door.jar?.header(path.split('?')[0] ?? '');
    return send(port[listener], path, {
      method,
      headers: {
        host: `localhost:${port[listener]}`,
        ...(cookie ? { cookie } : {}),
        ...(method === 'POST' && door.reader === 'page' ? { origin: own.issuer } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  };
  // a HEAD is its GET: what its parameters do is seen there
  const attacksOf = (door: Door): Attack[] =>
    door.route.method === 'HEAD'
      ? [...heads(door), ...paths(door)]
      : [...bent(door), ...bodies(door), ...heads(door), ...paths(door)];
  const attacks = table.flatMap(attacksOf);

  t.test('the table has every route of both listeners, and every field that the code reads', async (t) => {
    const key = ({ route: { method, url } }: Door) => `${method} ${url}`;
    const covered = new Set(table.map(key));
    t.same(
      routes.map((route) => key({ route } as Door)).filter((each) => !covered.has(each)),
      [],
      'a form of a route that no page in stand.ts shows: lead a browser there',
    );
    const ofForms = new Set(table.filter(({ how }) => how === 'form').flatMap(({ names }) => names));
    t.same(
      formNames().filter((name) => !ofForms.has(name)),
      [],
      'a field that no form has',
    );
    for (const name of ['way', 'back', 'state', 'trustticket', 'request', 'done'])
      t.ok(queryNames().includes(name), name);
    t.ok(routes.length > 90 && attacks.length > 8_000, `${routes.length} routes, ${attacks.length} attacks`);
    t.comment(`${routes.length} routes, ${table.length} doors, ${attacks.length} attacks`);
  });

  t.test('every answer refuses with a code, or is a success that the endpoint defines', async (t) => {
    const before = await state.read();
    const found = new Map<string, number>();
    const used = new Set<object>();
    const times: number[] = [];
    const held = [await heldMB()];
    const resident = [residentMB()];
    let begun = 0;
    const one = async (attack: Attack): Promise<void> => {
      const answer = await ask(attack);
      times.push(answer.ms);
      const to = answer.headers.location ?? '';
      if (to.startsWith('/signin/') && attack.door.route.url === '/authorize') begun += 1;
      const why = wrong(attack, answer);
      const { method, url } = attack.door.route;
      if (why) found.set(`${method} ${url}: ${attack.name ?? ''} ${attack.kind}: ${why}`, 1);
      if (answer.status < 400) for (const each of allowed(attack, answer)) used.add(each);
      // a posted authorization request goes on as a GET: it is that answer that counts
      if (method === 'POST' && to.startsWith('/authorize?')) {
        const door = table.find(({ route }) => route.url === '/authorize' && route.method === 'GET');
        if (door) await one({ ...attack, door, path: to, headers: {}, body: undefined } as never);
      }
    };
    // the first round warms the process up; the second shows what stays
    for (let round = 0; round < 2; round++) {
      await several(shuffled(attacks, random), 4, one);
      held.push(await heldMB());
      resident.push(residentMB());
    }
    t.same([...found.keys()].slice(0, 40), [], `${found.size} findings`);
    t.same(
      harmless.filter((each) => !used.has(each)).map(({ why }) => why),
      [],
      'each row of the table is needed',
    );
    times.sort((a, b) => a - b);
    const at = (share: number) => Math.round((times[Math.ceil(times.length * share) - 1] ?? 0) * 10) / 10;
    t.comment(`${times.length} answers: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`);
    t.ok(at(0.99) <= 200, `p99 ${at(0.99)} ms`);
    t.comment(`MB held: ${held.map(Math.round).join(', ')}; resident: ${resident.map(Math.round).join(', ')}`);
    t.ok((held[2] ?? 0) - (held[0] ?? 0) < 50, `${held.map(Math.round)} MB`);
    t.same(difference(before, await state.read()), { 'new i': begun }, 'nothing but the sign-ins that were begun');
  });

  t.test('bytes that are hardly HTTP: one answer, and the end of the connection', async (t) => {
    const before = await state.read();
    const seen = new Set<string>();
    const sockets = table
      .filter(({ route }) => route.method === 'GET' || route.method === 'POST')
      .flatMap(({ route, path }) => {
        const name = `${route.method} ${path}`;
        if (seen.has(name)) return [];
        seen.add(name);
        const host = `localhost:${port[route.listener]}`;
        const all = [...smuggled(path, host), ...misshapen(route, path, host)];
        // all of them where it matters how a body is read, and a handful everywhere
        const whole = ['/account', '/token', '/sign-out', '/metrics'].includes(route.url);
        return all.filter((_, n) => whole || n % 4 === 0).map((bytes) => ({ ...bytes, route, name }));
      });
    await several(sockets, 8, async ({ bytes, kind, wanted, route, name }) => {
      const { text, open: left, ms } = await exchange(port[route.listener], bytes);
      const answers = text.split('HTTP/1.1 ').length - 1;
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
      const what = `${name}: ${kind}: ${answers} answers, ${status}, ${Math.round(ms)} ms`;
      const right =
        wanted === 'refused'
          ? status >= 400 && status < 500 && /EG-1\d{3}|"error":"invalid_/.test(text)
          : status < 500 && !/evil/.test(text);
      if (answers !== 1 || left || !right || /at \w+ \(|\.(?:ts|js):/.test(text))
        t.fail(what, { text: text.slice(0, 300) });
    });
    t.comment(`${sockets.length} sockets`);
    t.ok(sockets.length > 400);
    const changed = difference(before, await state.read());
    t.ok(
      Object.keys(changed).every((key) => key === 'new i'),
      JSON.stringify(changed),
    );
    t.ok((await fetch(`${side}/terms`)).ok, 'it serves on');
  });

  t.test('a right refresh token is not spent by a request that is wrong', async (t) => {
    const citizen = new Passer(own, stands.find(({ what }) => what === '/account/sessions')?.jar ?? new Jar());
    const { code, verifier } = await citizen.roam('public');
    const token = async (form: Record<string, string>) => {
      const answer = await fetch(`${side}/token`, {
        method: 'POST',
        body: new URLSearchParams({ client_id, ...form }),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, string> };
    };
    const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirect };
    const { json } = await token(grant);
    const refresh = { client_id, grant_type: 'refresh_token', refresh_token: json.refresh_token ?? '' };
    const door = table.find(({ route }) => route.url === '/token' && route.method === 'POST');
    if (!door) throw new Error('no /token');
    const bad = [
      ...bent({ ...door, right: refresh, bare: refresh, names: Object.keys(refresh) }),
      ...[...bodies({ ...door, right: refresh })].filter(({ must }) => must),
    ];
    for (const attack of bad) {
      const { status, body } = await ask(attack);
      t.ok([400, 401, 415].includes(status), `${attack.name ?? ''} ${attack.kind}: ${status} ${body}`);
    }
    t.ok(bad.length > 50);
    t.equal((await token(refresh)).status, 200, 'the right one is');
  });

  t.test('a ticket of the province that is none', async (t) => {
    const tickets = [
      '',
      'x',
      'x'.repeat(10_000),
      '%00',
      '%zz',
      '%ff',
      '%ed%a0%80',
      '%22%3e%3cscript%3ealert(1)%3c/script%3e',
    ];
    for (const ticket of tickets) {
      const passer = new Passer(own, new Jar());
      const { at } = await passer.form('/account');
      const away = await passer.fetch(`${at}/province`);
      const back = new URL(new URL(away.headers.get('location') ?? '').searchParams.get('returnurl') ?? '');
      const once = await passer.fetch(`${at}/ticket${back.search}&trustticket=${ticket}`);
      const page = await once.text();
      t.ok(once.status === 303 || (once.status >= 400 && /EG-/.test(page)), `${ticket.slice(0, 30)}: ${once.status}`);
      const twice = await passer.fetch(`${at}/ticket${back.search}&trustticket=${ticket}`);
      t.match(await twice.text(), /EG-1003/, 'its state is spent');
      t.match((await passer.open('/account')).page, /action="\/signin\//, 'nobody is signed in');
    }
  });

  t.test('what was refused is told: a line of JSON each, and attempts in the trail', async (t) => {
    const output = () => own.gateways[0].output();
    const codes = new Map<string, number>();
    for (const line of output().split('\n').slice(0, -1)) {
      const { code } = JSON.parse(line) as { code?: string };
      if (code) codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    for (const code of ['EG-1001', 'EG-1002', 'EG-1003', 'EG-1004', 'EG-1005', 'EG-1007', 'EG-1501', 'EG-1602'])
      t.ok((codes.get(code) ?? 0) > 10, `${code}: ${codes.get(code)}`);
    t.notOk(codes.has('EG-1700'), 'and no fault');
    t.notMatch(output(), /unexpected fault|<script>|otter-canal/);
    await until(async () => {
      const [row] = await own.database.sql`select 1 from audit_inbox limit 1`;
      return row === undefined;
    });
    const rows = await own.database.sql<{ type: string }[]>`select distinct type from audit_log`;
    const types = new Set(rows.map(({ type }) => type));
    for (const type of [
      'authorization.refused',
      'client.refused',
      'request.refused',
      'sign-out.refused',
      'token.refused',
    ])
      t.ok(types.has(type), `${type} among ${[...types]}`);
  });
});
