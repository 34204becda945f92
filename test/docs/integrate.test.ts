import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type City, city } from '../support/city.ts';
import { node, program, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { type Block, blocks, root } from './guide.ts';
import { Person, plain } from './person.ts';

// A city starts here, and the machine may be busy.
t.setTimeout(300_000);

const guide = fs.readFileSync(join(root, 'docs/integrate/node.md'), 'utf8');
const all = blocks(guide);
const who = { name: '测试甲', number: '350299199001010117', mobile: '15400000117' };
const password = 'otter-canal-92-plum';

/** The block whose heading names its file. */
function file(name: string): string {
  const found = all.filter(({ heading }: Block) => heading.includes(`\`${name}\``) && !heading.startsWith('sh'));
  const [block] = found.filter(({ lang }) => lang !== 'sh');
  if (!block) throw new Error(`the guide has no ${name}`);
  return block.text;
}
const shell = all
  .filter(({ lang }) => lang === 'sh')
  .flatMap(({ text }) => text.trim().split('\n'))
  .filter(Boolean);

/** Runs a command of the guide as it stands, in the project, with the settings of this city. */
async function run(t: Test, own: City, command: string): Promise<{ code: number | null; said: string }> {
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS|npm_)/.test(name));
  const settings = {
    EGRET_BASE_PORT: `${own.base}`,
    EGRET_DATA: own.data,
    EGRET_KEY_FILE: join(own.data, 'keys/key-encryption.key'),
  };
  const ran = program(t, 'sh', ['-c', command], { cwd: root, env: { ...Object.fromEntries(mine), ...settings } });
  ran.child.stdin?.end();
  const { code } = await ran.exit;
  return { code, said: ran.output() };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The claims the department's page shows. */
function claims(person: Person): Record<string, unknown> {
  const shown = /<pre id="claims">([\s\S]*?)<\/pre>/.exec(person.text)?.[1];
  if (!shown) throw new Error(`nobody is signed in at ${person.url}: ${person.words()}`);
  return JSON.parse(plain(shown));
}

t.test('a department that follows the guide', { timeout: 290_000 }, async (t) => {
  const own = await city(t);
  const folder = scratch(t, 'guide');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const registration = join(folder, 'my-department.yaml');

  await t.test('what it installs, and the two files', async (t) => {
    const packages =
      shell
        .find((line) => line.startsWith('npm install '))
        ?.split(' ')
        .slice(2) ?? [];
    t.strictSame(packages.length, 2);
    fs.mkdirSync(join(folder, 'node_modules'));
    for (const wanted of packages) {
      const [name = '', major = ''] = wanted.split('@');
      const there = join(root, 'node_modules', name);
      const { version } = JSON.parse(fs.readFileSync(join(there, 'package.json'), 'utf8'));
      t.match(version, new RegExp(`^${major}\\.`), `${wanted} is what the demo departments use`);
      fs.symlinkSync(there, join(folder, 'node_modules', name));
    }
    // another port: 4210 may be somebody's on the machine of the test
    fs.writeFileSync(registration, file('my-department.yaml').replaceAll('http://127.0.0.1:4210', origin));
    fs.writeFileSync(join(folder, 'department.mjs'), file('department.mjs'));
  });

  await t.test('registered while the gateway runs', async (t) => {
    const command = shell.find((line) => line.includes('clients apply'))?.replace(/PATH\/\S+/, registration) ?? '';
    const first = await run(t, own, command);
    t.equal(first.code, 0, first.said);
    t.match(first.said, /my-department +new/);
    t.match((await run(t, own, command)).said, /my-department +same/);
    const broken = join(folder, 'broken.yaml');
    fs.writeFileSync(broken, fs.readFileSync(registration, 'utf8').replace('session_minutes', 'session_hours'));
    const refused = await run(t, own, command.replace(registration, broken));
    t.equal(refused.code, 1);
    t.match(refused.said, /EG-1601/);
  });

  const started = shell.find((line) => line.startsWith('node '))?.split(' ')[1] ?? '';
  const system = node(t, join(folder, started), [], { cwd: folder, env: { ISSUER: own.issuer, ORIGIN: origin } });
  await system.waitFor(origin);
  t.equal(fs.statSync(join(folder, 'key.json')).mode & 0o777, 0o600, 'the private key is closed');

  const person = new Person(own);
  let sid: unknown;
  await t.test('a first login, by forms, to its end', async (t) => {
    await person.open(origin);
    await person.follow('用白鹭通行证登录');
    t.match(person.url, `${own.issuer}/signin/`);
    await person.register(who, password);
    t.match(person.text, '我的系统', 'the person is told whom they go to');
    await person.agree();
    t.equal(person.url, `${origin}/`);
    t.equal(person.status, 200);
    const got = claims(person);
    t.match(got, { iss: own.issuer, aud: 'my-department', acr: 'urn:egret:r1a1', user_type: 'citizen' });
    t.match(got, { sub: /^[\w-]{20,}$/, sid: String, auth_time: Number, nickname: '测*甲' });
    t.notOk('realname_name' in got, 'what was not asked for does not come');
    t.match(person.text, /id="signed-in">测\*甲</);
    sid = got.sid;
  });

  await t.test('the same claims once more, with the refresh token', async (t) => {
    const before = claims(person);
    await person.send('/renew');
    t.strictSame(claims(person), before);
    const foreign = await person.browser.post(`${origin}/renew`, {}, { origin: 'http://evil.test' });
    t.equal(foreign.status, 403);
  });

  await t.test('the callback twice, of another browser, and with what the person declined', async (t) => {
    const callback = person.browser.visited.find((url) => url.startsWith(`${origin}/callback`)) ?? '';
    await person.open(callback);
    t.equal(person.url, `${origin}/`, 'a reload goes home, still signed in');
    claims(person);
    const other = new Person(own);
    await other.open(`${origin}/sign-in`);
    await other.open(callback);
    t.match(other.text, 'href="/sign-in"', 'another browser gets nothing of it');
  });

  await t.test('sign-out at its own button comes back, with everything ended', async (t) => {
    await person.send('/sign-out');
    t.match(person.url, `${own.issuer}/`);
    t.match(person.text, '我的系统', 'the department is named in the question, by its short name');
    await person.send('/sign-out', { choice: 'all' });
    // a busy machine may answer later than in 3 s: then the result page stands between, with the way back
    if (person.url.startsWith(own.issuer)) await person.follow('返回');
    t.match(person.url, new RegExp(`^${origin}/signed-out\\?state=`));
    await person.open(`${origin}/sign-in`);
    t.match(person.text, /name="password"/, 'the next login asks again');
  });

  await t.test('a login with the password, then signed out by another department', async (t) => {
    await person.send('/password', { login_id: who.mobile, password });
    await person.agree();
    const again = claims(person);
    t.not(again.sid, sid, 'another session');
    // roam to 人社, no second login, and sign out there
    const portal = own.portal(1);
    await person.open(portal);
    await person.follow('用白鹭通行证登录');
    t.notMatch(person.text, /name="password"/);
    await person.agree();
    t.match(person.url, portal);
    await person.send('/sign-out');
    await person.send('/sign-out', { choice: 'all' });
    await until(async () => !(await person.open(origin)).text.includes('id="signed-in"'));
    t.match(person.text, 'href="/sign-in"', 'the notice ended the session');
  });

  await t.test('what goes wrong is what the guide says', async (t) => {
    const ask = (change: Record<string, string | undefined>) => {
      const right = {
        client_id: 'my-department',
        redirect_uri: `${origin}/callback`,
        response_type: 'code',
        scope: 'openid profile',
        state: 's',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        ...change,
      };
      const given = Object.entries(right).filter((pair): pair is [string, string] => pair[1] !== undefined);
      return `${own.issuer}/authorize?${new URLSearchParams(given)}`;
    };
    const stranger = new Person(own);
    for (const [change, code] of [
      [{ redirect_uri: `http://localhost:${port}/callback` }, 'EG-1602'],
      [{ client_id: 'nobody' }, 'EG-1602'],
    ] as const) {
      await stranger.open(ask(change));
      t.equal(stranger.status, 400);
      t.match(stranger.text, code);
      t.ok(guide.includes(code));
    }
    for (const [change, error] of [
      [{ scope: 'openid identity' }, 'invalid_scope'],
      [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
      [{ prompt: 'none' }, 'login_required'],
    ] as const) {
      const { headers } = await new Person(own).browser.get(ask(change), { follow: false });
      t.match(headers.get('location'), `error=${error}`);
      t.ok(guide.includes(error), error);
    }
    const end = `${own.issuer}/session/end?client_id=my-department&post_logout_redirect_uri=${origin}/elsewhere`;
    await stranger.open(end);
    t.match(stranger.text, 'EG-1501');
    const declining = new Person(own);
    await declining.open(`${origin}/callback?error=access_denied&state=unknown`);
    t.match(declining.text, 'href="/sign-in"', 'an answer to nothing that was asked goes home');
    await declining.open(`${origin}/sign-in`);
    await declining.register({ mobile: '15400000221' }, password);
    await declining.agree('decline');
    t.equal(declining.status, 200);
    t.match(declining.text, /你没有登录[\s\S]*href="\/sign-in"/, 'a page of the department, and the way on');
    t.ok(guide.includes('access_denied'));
    const junk = await fetch(`${origin}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: 'e30.e30.e30' }),
    });
    t.equal(junk.status, 400, 'a notice that does not verify is refused');
  });
  t.equal(system.output().trim(), origin, 'the department said nothing but its address');
});
