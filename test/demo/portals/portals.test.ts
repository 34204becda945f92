import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from 'jose';
import t from 'tap';
import { node, program } from '../../support/processes.ts';
import { Browser } from './browser.ts';
import { freePorts, GONGJIJIN, HAOCHAPING, JIANGUAN, openWorld, RENSHE, YIBAO } from './world.ts';

const main = new URL('../../../src/demo/portals/main.ts', import.meta.url).pathname;
const servers = [RENSHE, GONGJIJIN, YIBAO, JIANGUAN] as const;
const names = ['', 'renshe', 'gongjijin', 'yibao', 'jianguan', 'haochaping'];
const world = await openWorld(t);

t.test('gongjijin says honestly that its secret is not there yet', async (t) => {
  const browser = new Browser();
  const before = await browser.get(world.at(GONGJIJIN));
  t.match(before.text, '密钥还没有装上');
  t.notMatch(before.text, 'href="/sign-in"', 'and shows no button that would lead nowhere');
  const forced = await world.signIn(browser, GONGJIJIN);
  t.equal(forced.status, 503);
  t.match(forced.text, 'secret_missing');
  world.installSecret();
  const after = await browser.get(world.at(GONGJIJIN));
  t.match(after.text, 'href="/sign-in"', 'the button is there as soon as the secret is, without a restart');
});

t.test('the portals are there before the issuer', async (t) => {
  world.issuer.down = true;
  const browser = new Browser();
  const away = await world.signIn(browser, JIANGUAN);
  t.equal(away.status, 503);
  t.match(away.text, '现在连不上白鹭通行证');
  const notice = await browser.post(world.at(JIANGUAN, '/backchannel-logout'), { logout_token: 'early' }, {});
  t.equal(notice.status, 503, 'a key that cannot be fetched is not the fault of the sender');
  world.issuer.down = false;
  t.match((await world.signIn(browser, JIANGUAN)).text, 'id="signed-in"', 'asked again, it works');
});

t.test('each department with a server signs in, and shows what it received', async (t) => {
  world.installSecret();
  const browser = new Browser();
  for (const portal of servers) {
    const name = names[portal]!;
    const from = browser.visited.length;
    const page = await world.signIn(browser, portal);
    t.equal(page.url, world.at(portal), `${name}: back on its own page, without the code in the address`);
    t.match(page.text, 'id="signed-in"', `${name}: signed in`);
    t.match(page.text, '测*', `${name}: greets with the masked name`);
    const asked = new URL(browser.visited.slice(from).find((url) => url.includes('code_challenge'))!).searchParams;
    t.equal(asked.get('code_challenge_method'), 'S256');
    t.equal(asked.get('ui_locales'), 'zh-CN');
    t.ok((asked.get('state')?.length ?? 0) >= 43 && (asked.get('nonce')?.length ?? 0) >= 43);
    const wanted = portal === JIANGUAN ? 'urn:egret:r2a1 urn:egret:r1a1' : 'urn:egret:r1a1';
    t.equal(asked.get('acr_values'), wanted);
    const { session } = await world.state(browser, portal);
    t.equal(session?.claims.acr, 'urn:egret:r1a1');
    t.equal(session?.claims.realname_name, '测试甲');
    t.match(page.text, session!.sid, `${name}: the claims are on the page`);
    t.match(page.text, /<time datetime="[^"]+">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d<\/time>/);
    t.notMatch(
      page.text,
      /eyJ|350299199001010117|\+8615400000117/,
      `${name}: no token and no whole number on the page`,
    );
    const raw = (await browser.get(world.at(portal, '/__demo/state'))).text;
    t.notMatch(raw, /eyJ|"(access|id|refresh)_?[tT]oken"/, `${name}: no token in the state for tests`);
  }
  const cookies = browser.cookieNames('127.0.0.1');
  for (const portal of servers) t.ok(cookies.includes(`${names[portal]}_session`), 'a cookie of its own name');
});

t.test('gongjijin: its API introspects, and tokens are renewed on demand', async (t) => {
  world.installSecret();
  const browser = new Browser();
  await world.signIn(browser, GONGJIJIN);
  const introspections = () => world.issuer.asked.filter((asked) => asked === 'POST /token/introspection').length;
  const before = introspections();
  const page = await browser.post(world.at(GONGJIJIN, '/balance'), {});
  t.match(page.text, /¥ \d+\.\d\d/);
  t.match(page.text, 'active: true');
  t.equal(introspections(), before + 1, 'the API asked the issuer once');

  const first = (await world.state(browser, GONGJIJIN)).session!;
  const renewed = await browser.post(world.at(GONGJIJIN, '/refresh'), {});
  t.match(renewed.text, '令牌换成新的了');
  const second = (await world.state(browser, GONGJIJIN)).session!;
  t.equal(second.refreshes, 1);
  t.equal(second.sub, first.sub);
  t.match((await browser.post(world.at(GONGJIJIN, '/balance'), {})).text, /¥ \d+\.\d\d/, 'the new token works too');

  const api = world.at(GONGJIJIN, '/api/balance');
  t.equal((await browser.get(api)).status, 401, 'the API takes no cookie for a token');
  const forged = await new Browser().get(api, { headers: { authorization: 'Bearer made-up' } });
  t.equal(forged.status, 401);
  t.match(forged.headers.get('www-authenticate'), 'invalid_token');
  world.issuer.down = true;
  t.match((await browser.post(world.at(GONGJIJIN, '/balance'), {})).text, '现在查不到', 'no answer, no balance');
  world.issuer.down = false;
  await world.issuer.restart();
  t.match((await browser.post(world.at(GONGJIJIN, '/balance'), {})).text, '令牌不管用了', 'a dead token gives none');
  t.match((await browser.post(world.at(GONGJIJIN, '/refresh'), {})).text, 'invalid_grant');
});

t.test('yibao shows item by item what was given and what was declined', async (t) => {
  world.issuer.next.declined = ['identity', 'profile'];
  const browser = new Browser();
  const page = await world.signIn(browser, YIBAO);
  t.match(page.text, 'data-item="identity" data-given="false"');
  t.match(page.text, 'data-item="profile" data-given="false"');
  t.match(page.text, 'data-item="phone" data-given="true"');
  t.match(page.text, '查不到参保记录');
  const { session } = await world.state(browser, YIBAO);
  t.strictSame(session!.scope, ['openid', 'realname', 'phone']);
  t.notOk('id_number' in session!.claims);

  world.issuer.next.declined = [];
  const other = new Browser();
  t.match((await world.signIn(other, YIBAO)).text, 'data-item="identity" data-given="true"');
  t.equal((await world.state(other, YIBAO)).session!.claims.id_number, '350299199001010117');
});

t.test('jianguan and renshe say honestly which level was reached and what is missing', async (t) => {
  const browser = new Browser();
  const below = await world.signIn(browser, JIANGUAN);
  t.match(below.text, 'id="missing"');
  t.match(below.text, '要：高级实名');
  t.match(below.text, '还没有开通');
  const section = below.text.slice(below.text.indexOf('id="missing"'), below.text.indexOf('class="received"'));
  t.notMatch(section, '<button', 'no dead button');
  world.issuer.next.acr = 'urn:egret:r2a1';
  t.notMatch((await world.signIn(new Browser(), JIANGUAN)).text, 'id="missing"');
  world.issuer.next.acr = 'urn:egret:r0a1';
  t.match((await world.signIn(new Browser(), RENSHE)).text, '还差一步：初级实名');
});

t.test('a refusal of the issuer is a clear page with a way on', async (t) => {
  world.issuer.next.error = { error: 'access_denied', error_description: 'End-User <b>aborted</b>' };
  const browser = new Browser();
  const page = await world.signIn(browser, RENSHE);
  t.equal(page.status, 403);
  t.match(page.text, '登录没有完成');
  t.match(page.text, 'access_denied');
  t.match(page.text, 'End-User &#60;b&#62;aborted', 'the description, as text');
  t.match(page.text, 'href="/sign-in"', 'try again');
  t.equal((await world.state(browser, RENSHE)).session, null);
  world.issuer.next.error = undefined;
  t.match((await world.signIn(browser, RENSHE)).text, 'id="signed-in"', 'and trying again works');
});

t.test('answers that are not the answer to our question are refused', async (t) => {
  const mutations: Record<string, (to: URL) => void> = {
    'a wrong iss': (to) => to.searchParams.set('iss', 'https://evil.example'),
    'no iss': (to) => to.searchParams.delete('iss'),
    'a wrong state': (to) => to.searchParams.set('state', 'made-up'),
    'no state': (to) => to.searchParams.delete('state'),
    'two states': (to) => to.searchParams.append('state', to.searchParams.get('state')!),
    'two codes': (to) => to.searchParams.append('code', 'made-up'),
    'a made-up code': (to) => to.searchParams.set('code', 'made-up'),
  };
  for (const [name, change] of Object.entries(mutations)) {
    world.issuer.rewrite = (to) => {
      change(to);
      return to;
    };
    const browser = new Browser();
    const page = await world.signIn(browser, RENSHE);
    t.equal(page.status, 400, name);
    t.match(page.text, 'href="/sign-in"', `${name}: a way on`);
    t.equal((await world.state(browser, RENSHE)).session, null, `${name}: no session`);
  }

  // The address another browser's sign-in ended at: a stolen, or a planted, one.
  let stolen = '';
  world.issuer.rewrite = (to) => {
    stolen = to.href;
    return new URL(world.at(RENSHE, '/counters'));
  };
  await world.signIn(new Browser(), RENSHE);
  world.issuer.rewrite = undefined;
  const victim = new Browser();
  t.equal((await victim.get(stolen)).status, 400, "another browser's answer");
  await victim.get(world.at(RENSHE, '/sign-in'), { follow: false });
  t.equal((await victim.get(stolen)).status, 400, 'also while a sign-in of its own is under way');

  // A code of somebody else, put into an answer that is otherwise ours: PKCE and nonce.
  const code = new URL(stolen).searchParams.get('code')!;
  world.issuer.rewrite = (to) => {
    to.searchParams.set('code', code);
    return to;
  };
  const page = await world.signIn(new Browser(), RENSHE);
  t.equal(page.status, 400, "somebody else's code");
  t.match(page.text, 'invalid_grant');
});

t.test('ID tokens that are not for us, not of this sign-in, or not signed by the issuer are refused', async (t) => {
  const { privateKey } = await generateKeyPair('ES256');
  const forgeries: Record<string, NonNullable<typeof world.issuer.forge>> = {
    'another nonce': { claims: { nonce: 'made-up' } },
    'no nonce': { claims: { nonce: undefined } },
    'another audience': { claims: { aud: 'yibao' } },
    'another issuer': { claims: { iss: 'https://evil.example' } },
    expired: { claims: { exp: Math.floor(Date.now() / 1000) - 600 } },
    "a stranger's signature": { key: privateKey },
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    world.issuer.forge = forge;
    const browser = new Browser();
    t.equal((await world.signIn(browser, RENSHE)).status, 400, name);
    t.equal((await world.state(browser, RENSHE)).session, null, name);
  }
  world.installSecret();
  world.issuer.forge = undefined;
  const browser = new Browser();
  await world.signIn(browser, GONGJIJIN);
  world.issuer.forge = { claims: { sub: 'somebody-else' } };
  t.match((await browser.post(world.at(GONGJIJIN, '/refresh'), {})).text, '没有换成', 'a refresh for somebody else');
  t.equal((await world.state(browser, GONGJIJIN)).session?.sub, 'person');
});

t.test('an answer works once; a reload of it does no harm', async (t) => {
  const browser = new Browser();
  await world.signIn(browser, RENSHE);
  const callback = browser.visited.find((url) => url.includes('/callback?'))!;
  const { session } = await world.state(browser, RENSHE);
  const again = await browser.get(callback);
  t.equal(again.url, world.at(RENSHE));
  t.equal((await world.state(browser, RENSHE)).session?.sid, session?.sid);
});

t.test('a new sign-in has a new session name, and the old one is dead', async (t) => {
  const browser = new Browser();
  await world.signIn(browser, RENSHE);
  const first = browser.cookie('127.0.0.1', 'renshe_session')!;
  await world.signIn(browser, RENSHE);
  t.not(browser.cookie('127.0.0.1', 'renshe_session'), first);
  const old = await new Browser().get(world.at(RENSHE), { headers: { cookie: `renshe_session=${first}` } });
  t.notMatch(old.text, 'id="signed-in"');
});

t.test('the issuer away, slow to come, or new: never a dead end', async (t) => {
  const browser = new Browser();
  world.issuer.rewrite = (to) => {
    world.issuer.down = true;
    return to;
  };
  const away = await world.signIn(browser, RENSHE);
  t.equal(away.status, 503, 'gone between code and token');
  t.match(away.text, 'unreachable');
  t.match(away.text, 'href="/sign-in"', 'a way on');
  Object.assign(world.issuer, { down: false, rewrite: undefined });
  t.match((await world.signIn(browser, RENSHE)).text, 'id="signed-in"', 'tried again, it works');
  await world.issuer.restart();
  t.match((await world.signIn(new Browser(), RENSHE)).text, 'id="signed-in"', 'also with the keys of a new start');

  world.issuer.userinfoDown = true;
  const partial = new Browser();
  t.match((await world.signIn(partial, RENSHE)).text, '有的信息暂时取不到', 'userinfo away: signed in, and told so');
  world.issuer.userinfoDown = false;
  t.match((await partial.post(world.at(RENSHE, '/userinfo'), {})).text, '测*', 'asked again, it is there');
});

t.test('requests from elsewhere, other names, other languages', async (t) => {
  const browser = new Browser();
  await world.signIn(browser, RENSHE);
  const evil: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: world.at(YIBAO).slice(0, -1) },
  ];
  for (const headers of evil) {
    t.equal((await browser.post(world.at(RENSHE, '/sign-out'), { where: 'here' }, headers)).status, 403);
  }
  t.ok((await world.state(browser, RENSHE)).session, 'nobody else signs a person out');
  t.equal(await statusWithHost(world.base + RENSHE, 'evil.example'), 421);
  const named = await browser.get(`http://localhost:${world.base + RENSHE}/counters`);
  t.equal(named.url, world.at(RENSHE, '/counters'), 'one name for all');

  const english = await browser.get(world.at(RENSHE, '/?lang=en'));
  t.equal(english.url, world.at(RENSHE));
  t.match(english.text, '<html lang="en"');
  t.match(english.text, 'Yearly pension eligibility check');
  t.match(
    (await browser.get(world.at(RENSHE, '//evil.example/?lang=zh'), { follow: false })).headers.get('location') ?? '/',
    /^\/(?!\/)/,
  );
  const missing = await browser.get(world.at(RENSHE, '/nothing'));
  t.equal(missing.status, 404);
  const csp = english.headers.get('content-security-policy') ?? '';
  t.notMatch(csp, /unsafe|script-src/);
  t.notMatch(english.text, /<script|<style| style=|onclick/);
});

t.test('haochaping takes ratings from anyone, and its own script from its own server', async (t) => {
  const browser = new Browser();
  const page = await browser.get(world.at(HAOCHAPING));
  t.match(page.text, '<script src="/oidc-client-ts.js" defer>');
  t.notMatch(page.text, /<script>|https:\/\//, 'nothing inline, nothing from elsewhere');
  t.match((await browser.get(world.at(HAOCHAPING, '/oidc-client-ts.js'))).text, 'UserManager');
  const rated = await browser.post(world.at(HAOCHAPING, '/rate'), { score: '4' });
  t.match(rated.text, '你评的是：满意');
  t.notMatch((await browser.post(world.at(HAOCHAPING, '/rate'), { score: '9' })).text, '谢谢');
});

t.test('the overview names all five', async (t) => {
  const page = await new Browser().get(world.at(0));
  for (let portal = 1; portal <= 5; portal += 1) t.match(page.text, `href="${world.at(portal)}"`);
});

t.test('as a program: one line a portal, keys for the owner only, and a clear end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'egret-portals-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const base = await freePorts();
  const args = ['--base-port', `${base}`, '--issuer', 'http://localhost:9', '--data', folder];
  const started = program(t, process.execPath, [main, ...args, '--with-parent'], { env: { NODE_OPTIONS: '' } });
  await started.waitFor(`http://127.0.0.1:${base + 5}`);
  t.equal(started.output().trim().split('\n').length, 6);
  const key = await (await fetch(`http://127.0.0.1:${base + 1}/jwks.json`)).json();
  t.equal(statSync(join(folder, 'renshe.key.json')).mode & 0o777, 0o600);
  t.notMatch(JSON.stringify(key), '"d"');

  const second = node(t, main, args);
  t.equal((await second.exit).code, 1);
  t.match(second.output(), new RegExp(`^Port ${base} on 127.0.0.1 is taken.*\n$`), 'one sentence');

  started.child.stdin?.end();
  t.equal((await started.exit).code, 0, 'ends with its parent');
  const again = node(t, main, args);
  await again.waitFor(`http://127.0.0.1:${base + 5}`);
  t.strictSame(await (await fetch(`http://127.0.0.1:${base + 1}/jwks.json`)).json(), key, 'the key is kept');
  t.equal((await again.stop()).code, 0);

  writeFileSync(join(folder, 'yibao.key.json'), '{"kty":"EC"}');
  const broken = node(t, main, args);
  t.equal((await broken.exit).code, 1);
  t.match(broken.output(), 'yibao.key.json is not an ES256 private key');
  const insecure = node(t, main, ['--issuer', 'http://example.com']);
  t.equal((await insecure.exit).code, 1);
});

/** Fetch sets Host itself, so this one speaks by hand. */
function statusWithHost(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () =>
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    socket.setEncoding('utf8').once('data', (text: string) => {
      resolve(Number(text.split(' ')[1]));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
