import http, { type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { Passer } from '../numbers/passer.ts';
import { mustGoOn } from '../races/citizen.ts';
import { pkce } from '../support/browser.ts';
import { authorizeUrl } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { citizenRoutes } from '../support/routes.ts';
import { StrictJar } from './strict-jar.ts';

t.setTimeout(240_000);

const password = 'otter-canal-92-plum';
const cap = 12;

/** Where departments post, from anywhere: what they bring is their proof, and a browser's cookie opens nothing there. */
const ofDepartments = ['/authorize', '/userinfo', '/token', '/introspect', '/revoke', '/session/end'];

/** Which cap a form of the sign-in counts on; the others cannot be tried without a proof that was counted. */
const capped: Readonly<Record<string, readonly string[]>> = {
  sign_in: ['password', 'identity', 'second-password', 'code', 'method', 'new-password'],
  codes: ['mobile', 'recover', 'resend'],
  registrations: ['register'],
  real_name: ['real-name', 'recover-identity'],
};

/** GETs that a journey of this browser goes on by: they write what this browser came to, and nothing else. */
const goingOn = ['/authorize', '/authorize/:uid', '/signin/:uid/province', '/signin/:uid/ticket'];

t.test('what every form and page of ours is guarded by', async (t) => {
  const routes = await citizenRoutes(t);
  const own = await pair(t, {
    clients: () => [
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
      }),
    ],
    settings: {
      trusted_proxies: ['127.0.0.1', '::1'],
      limits: Object.fromEntries(
        Object.keys(capped).map((name) => [`${name}_per_address`, { count: cap, seconds: 3_600 }]),
      ),
    },
  });
  const [side] = own.sides;
  const found = { pages: new Set<string>(), without: [] as string[] };
  let addresses = 1;
  const browser = () => new StrictJar(found, `203.0.113.${addresses++}`);
  const [person, other] = await own.people(2);
  if (!person || !other) throw new Error('nobody');

  /** What the records and protocol state hold; the trail, which tells of attempts, aside. */
  const state = async (only?: 'records'): Promise<Record<string, string>> => {
    const tables = await own.database.sql<{ name: string }[]>`
      select tablename as name from pg_tables where schemaname = 'public' and tablename !~ '^audit_|^protocol_events$'
      order by tablename`;
    const rows: Record<string, string> = {};
    for (const { name } of tables) {
      if (only && name === 'protocol_state') continue;
      // a code lives for a minute, and is swept when it is over
      const lasting = name === 'protocol_state' ? `where expires_at > ${Date.now() + 300_000}` : '';
      const [row] = await own.database.sql.unsafe<{ text: string | null }[]>(
        `select string_agg(t::text, E'\\n' order by t::text) as text from ${name} t ${lasting}`,
      );
      rows[name] = row?.text ?? '';
    }
    return rows;
  };
  const quiet = () =>
    until(async () => {
      const [row] = await own.database.sql`select 1 from outbox where state = 'waiting' limit 1`;
      return row === undefined;
    });

  // somebody signed in, in two browsers, who has agreed somewhere; and a browser that has only begun
  const here = browser();
  const citizen = new Passer(own, here);
  const visit = citizen.visit('public', { scope: 'openid profile' });
  await citizen.arrive(await citizen.register(person, visit.url, { password }));
  const twin = new Passer(own, browser());
  const twinAt = await twin.form('/account');
  const login = { login_id: person.mobile, password };
  await twin.open(mustGoOn(await twin.send(twinAt.at, 'password', login)));
  const strange = browser();
  const begun = await new Passer(own, strange).form('/account');
  const stranger = await new Passer(own, browser()).form('/account');

  const hidden = async (path: string, name: string): Promise<string> => {
    const { page } = await citizen.open(path);
    const value = new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1];
    if (!value) throw new Error(`no ${name} at ${path}: ${page.slice(0, 600)}`);
    return value;
  };
  const token = await hidden('/sign-out', 'form_token');
  const inPlace = (url: string, uid: string): string =>
    url.replace(':uid', uid).replace(':client', 'public').replace(':id', 'x'.repeat(22));
  const fields: Readonly<Record<string, Record<string, string>>> = {
    '/sign-out': { request: await hidden('/sign-out', 'request'), choice: 'all' },
    '/account/sessions/end': { session: await hidden('/account/sessions', 'session') },
    '/account/sessions/leave': { visit: await hidden('/account/sessions', 'visit') },
    '/account/sessions/end-others': {},
    '/account/authorizations/:client': {},
    '/account/authorizations/:client/notice': { notice: 'off' },
  };
  const ofSignIn = {
    ...{ login_id: person.mobile, password, mobile: other.mobile, agree_terms: 'on', otp: '123456', method: 'skip' },
    ...{ full_name: other.name, id_number: other.number, new_password: password, decision: 'continue' },
  };
  const uid = begun.at.slice('/signin/'.length);
  const forms = routes.POST.filter((url) => !ofDepartments.includes(url));
  const send = (url: string, given: string | undefined, headers: Record<string, string>) => {
    const signIn = url.startsWith('/signin/:uid/');
    return (signIn ? strange : here).fetch(`${side}${inPlace(url, uid)}`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ ...(signIn ? ofSignIn : fields[url]), ...(given ? { form_token: given } : {}) }),
    });
  };
  const origin = own.issuer;

  await t.test('every form: only from our own page, in this browser', async (t) => {
    t.same(
      forms.filter((url) => !url.startsWith('/signin/:uid/') && !(url in fields)),
      [],
      'a form this test knows no fields of: add them',
    );
    t.ok(forms.length >= 22, `${forms.length} forms`);
    await quiet();
    const before = await state();
    for (const url of forms) {
      const right = url.startsWith('/signin/') ? begun.token : token;
      for (const [what, given, headers] of [
        ['without a token', undefined, { origin }],
        ["with another browser's token", stranger.token, { origin }],
        ['with a token that is cut', right.slice(1), { origin }],
        ['from another origin', right, { origin: 'http://evil.example' }],
        ['from another port', right, { origin: own.sides[1] }],
        ['from another site', right, { origin, 'sec-fetch-site': 'cross-site' }],
        ['from another site without a name', right, { origin: 'null', 'sec-fetch-site': 'cross-site' }],
        ['from another site, unsaid', right, { 'sec-fetch-site': 'cross-site' }],
        ['from a sibling', right, { 'sec-fetch-site': 'same-site' }],
      ] as [string, string | undefined, Record<string, string>][]) {
        const answer = await send(url, given, headers);
        t.match(
          { status: answer.status, page: await answer.text() },
          { status: 403, page: /EG-1003/ },
          `${url} ${what}`,
        );
      }
    }
    for (const url of ['/authorize', '/session/end'])
      await (await here.fetch(`${side}${url}`, { method: 'POST', headers: { origin: 'http://evil.example' } })).text();
    t.same(await state(), before, 'nothing has changed');
  });

  await t.test('a GET changes nothing', async (t) => {
    await quiet();
    const before = await state();
    const ways = ['way=sms', 'way=register', 'again=yes', 'seen=result', 'shared=yes'];
    const writing = () => [
      ...goingOn.map((url) => inPlace(url, uid)),
      authorizeUrl({ issuer: '' }, 'public', pkce().challenge),
      ...ways.map((query) => `${begun.at}?${query}`),
    ];
    const still = routes.GET.filter((each) => !goingOn.includes(each)).map((url) => inPlace(url, uid));
    for (const jar of [here, strange]) {
      for (const url of still) await (await jar.fetch(`${side}${url}`, {})).arrayBuffer();
      for (const url of [...still, ...writing()]) await jar.fetch(`${side}${url}`, { method: 'HEAD' });
    }
    t.same(await state(), before, 'nothing at all, nor does a HEAD');
    const records = await state('records');
    for (const jar of [here, strange])
      for (const url of writing()) await (await jar.fetch(`${side}${url}`)).arrayBuffer();
    t.same(await state('records'), records, 'nothing in the records');
  });

  await t.test('a page is a document, and no part of another one', async (t) => {
    const ofOthers = /^\/(?:authorize|userinfo|jwks|\.well-known|assets|favicon)/;
    const pages = routes.GET.filter((url) => !ofOthers.test(url));
    t.ok(pages.length > 10, `${pages.length} pages`);
    // fetch says what mode it has, whatever it is given
    const asked = (url: string, headers: Record<string, string>) =>
      new Promise<{ status: number | undefined; page: string }>((done, failed) => {
        const answered = async (answer: IncomingMessage) =>
          done({ status: answer.statusCode, page: await text(answer) });
        http
          .get(`${side}${inPlace(url, uid)}`, { headers }, (answer) => answered(answer).catch(failed))
          .on('error', failed);
      });
    for (const url of pages) {
      for (const site of ['cross-site', 'same-site'])
        for (const [mode, dest] of [
          ['navigate', 'iframe'],
          ['no-cors', 'image'],
          ['no-cors', 'empty'],
          ['cors', 'empty'],
        ] as const)
          t.match(
            await asked(url, { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest }),
            { status: 403, page: /EG-1003/ },
            `${url}: ${site} ${mode} ${dest}`,
          );
      for (const site of ['cross-site', 'same-origin', 'none']) {
        const by = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
        const { page } = await asked(url, by);
        // a journey that is another browser's, and a ticket that nobody asked for, are refused all the same
        if (!url.startsWith('/signin/')) t.notMatch(page, /EG-1003/, `${url}: ${site}`);
      }
    }
  });

  await t.test('caps of an address', async (t) => {
    const actions = forms.flatMap((url) => /^\/signin\/:uid\/(.+)$/.exec(url)?.[1] ?? []);
    for (const [name, members] of Object.entries(capped)) {
      const jar = browser();
      const { at, token: own_ } = await new Passer(own, jar).form('/account');
      const post = (action: string) =>
        jar.fetch(`${side}${at}/${action}`, {
          method: 'POST',
          headers: { origin },
          body: new URLSearchParams({ ...ofSignIn, login_id: '15400009998', form_token: own_ }),
        });
      const statuses: number[] = [];
      for (let n = 0; n < cap; n++) statuses.push((await post(members[n % members.length] ?? '')).status);
      t.notOk(statuses.includes(429), `${name}: ${statuses}`);
      const over: string[] = [];
      for (const action of actions) {
        const answer = await post(action);
        if (answer.status !== 429) continue;
        over.push(action);
        t.match(await answer.text(), /EG-1009/);
        const wait = Number(answer.headers.get('retry-after'));
        t.ok(wait > 0 && wait <= 3_600, `Retry-After ${wait}`);
      }
      t.same(over.sort(), [...members].sort(), `what counts on ${name}`);
      const ticket = await jar.fetch(`${side}${at}/ticket?state=x&trustticket=y`);
      t.equal(ticket.status === 429, name === 'sign_in', 'a ticket is a try to sign in');
    }
    const fresh = browser();
    const away = await new Passer(own, fresh).form('/account');
    const headers = { origin, 'x-forwarded-for': '203.0.113.250' };
    const body = new URLSearchParams({ form_token: away.token });
    t.equal((await fresh.fetch(`${side}${away.at}/password`, { method: 'POST', headers, body })).status, 422);
  });

  await t.test('what was planted before a sign-in is not there after it', async (t) => {
    const signIn = async (jar: StrictJar) => {
      const passer = new Passer(own, jar);
      const { at } = await passer.form('/account');
      await passer.open(mustGoOn(await passer.send(at, 'password', login)));
      return { at, cookie: jar.get('egret') ?? '' };
    };
    const greeted = async (jar: { fetch: StrictJar['fetch'] }) => {
      const answer = await jar.fetch(`${side}/account`);
      return answer.status === 200 && (await answer.text()).includes('154');
    };
    const made = `07${'a'.repeat(24)}.${'b'.repeat(43)}`;
    const planted = browser();
    await planted.plant('egret', made);
    const one = await signIn(planted);
    t.ok(one.cookie.length > 40 && one.cookie !== made, 'a session cookie that was made up');
    t.ok(await greeted(planted), 'and this one is signed in');
    const empty = browser();
    await empty.plant('egret', made);
    t.notOk(await greeted(empty), 'what was made up opens nothing');

    // a session that stood: of the same person the cookie turns, and the old one opens nothing
    const known = browser();
    const first = await signIn(known);
    const again = new Passer(own, known);
    const asked = again.visit('public', { prompt: 'login' });
    const door = await again.form(asked.url);
    await again.arrive(mustGoOn(await again.send(door.at, 'password', login)));
    t.not(known.get('egret'), first.cookie, 'the cookie turned at the sign-in');
    const old = browser();
    await old.plant('egret', first.cookie);
    t.notOk(await greeted(old), 'the one before it is over');

    // an interaction: begun elsewhere, its cookies planted here
    const bait = browser();
    const { at } = await new Passer(own, bait).form('/account');
    const victim = browser();
    const place = at.slice('/signin/'.length);
    for (const [name, path] of [
      ['egret_i', at],
      ['egret_r', `/authorize/${place}`],
    ] as const)
      await victim.plant(name, bait.get(name) ?? '', path);
    const passer = new Passer(own, victim);
    await passer.open(mustGoOn(await passer.send(at, 'password', login)));
    t.ok(await greeted(victim));
    t.equal(victim.get('egret_r'), undefined, 'what it went on with is gone');
    t.equal((await victim.fetch(`${side}${at}`)).status, 410, 'and the interaction is over');
    t.equal((await bait.fetch(`${side}${at}`)).status, 410, 'the interaction is over where it began');
    const resumed = await bait.fetch(`${side}/authorize/${place}`);
    t.equal(resumed.status, 410);
    t.equal(bait.get('egret'), undefined);
    t.notOk(await greeted(bait), 'nobody is signed in there');
  });

  await t.test('the right page gets through: what was refused above was refused for its guard', async (t) => {
    const last = ['/account/authorizations/:client', '/account/sessions/end', '/sign-out'];
    const order = [...forms.filter((url) => !last.includes(url)), ...last];
    for (const url of order) {
      const answer = await send(url, url.startsWith('/signin/') ? begun.token : token, {
        origin,
        'sec-fetch-site': 'same-origin',
      });
      const page = await answer.text();
      t.notMatch(page, /EG-1003/, url);
      t.ok(answer.status < 500, `${url}: ${answer.status}`);
    }
    const [ended] = await own.database.sql`select count(*)::int as n from sessions where ended_at is not null`;
    t.ok(Number(ended?.n) >= 2, 'sessions were ended');
    const [withdrawn] = await own.database.sql`select count(*)::int as n from consents where withdrawn_at is not null`;
    t.equal(withdrawn?.n, 1, 'a consent was withdrawn');
  });

  await t.test('every page: no frame, no guess, no copy, no address to others', async (t) => {
    const jar = browser();
    for (const [path, init] of [
      ['/nowhere', {}],
      ['/%zz', {}],
      ['/authorize', {}],
      ['/authorize?client_id=public&redirect_uri=http://evil.example', {}],
      ['/authorize/xxx', {}],
      ['/session/end?client_id=a&client_id=b', {}],
      ['/sign-out', {}],
      [
        '/sign-out',
        { method: 'POST', body: 'x'.repeat(70_000), headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      ],
      ['/sign-out', { method: 'POST', body: '{}', headers: { 'content-type': 'text/xml' } }],
      ['/sign-out', { method: 'DELETE' }],
      ...routes.GET.map((url) => [inPlace(url, uid), {}]),
    ] as [string, RequestInit][])
      await (await jar.fetch(`${side}${path}`, init)).arrayBuffer();
    t.same(found.without, []);
    const statuses = new Set([...found.pages].map((page) => page.slice(0, 3)));
    for (const status of ['200', '400', '403', '404', '410', '413', '415', '422', '429'])
      t.ok(statuses.has(status), `a page with ${status}`);
    t.ok(found.pages.size > 60, `${found.pages.size} pages`);
  });
});
