import t from 'tap';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { Jar } from '../support/browser.ts';
import { city } from '../support/city.ts';

/** The forms by HTTP alone, as a browser without a script sends them. */
t.setTimeout(240_000);

t.test('other ways in, and what is refused', { timeout: 120_000 }, async (t) => {
  const own = await city(t);
  const person = { name: '测试乙', number: '350299199001010221', mobile: '15400000221' };

  /** Begins at the account centre: its sign-in needs no department. */
  async function begin(jar: Jar): Promise<string> {
    const start = `${own.issuer}/account`;
    const { answer } = await jar.follow(start);
    const page = await answer.text();
    const at = /action="(\/signin\/[^/"]+)\//.exec(page)?.[1];
    if (!at) throw new Error(`no sign-in page: ${answer.status} ${page.slice(0, 500)}`);
    return own.issuer + at;
  }
  const open = async (jar: Jar, url: string): Promise<string> => (await jar.follow(url)).answer.text();
  async function send(
    jar: Jar,
    at: string,
    action: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; page: string }> {
    const token = /name="form_token" value="([^"]+)"/.exec(await open(jar, at))?.[1] ?? '';
    const answer = await jar.fetch(`${at}/${action}`, {
      method: 'POST',
      body: new URLSearchParams({ form_token: token, ...form }),
      headers: { origin: own.issuer, ...headers },
    });
    const to = answer.headers.get('location');
    if (!to) return { status: answer.status, page: await answer.text() };
    return { status: answer.status, page: await open(jar, new URL(to, at).href) };
  }
  async function arrive(jar: Jar, page: string): Promise<string> {
    const onward = /content="0;url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    if (!onward) throw new Error(`no way on: ${page.slice(0, 800)}`);
    return open(jar, new URL(onward, own.issuer).href);
  }

  await t.test('registration without a password, then by SMS; real name later', async (t) => {
    const jar = new Jar();
    const at = await begin(jar);
    await open(jar, `${at}?way=register`);
    t.equal((await send(jar, at, 'register', { mobile: person.mobile })).status, 422, 'the terms are not ticked');
    await send(jar, at, 'register', { mobile: person.mobile, agree_terms: 'on' });
    t.match((await send(jar, at, 'code', { otp: '000000' })).status, 422);
    await send(jar, at, 'code', { otp: await own.code(person.mobile) });
    await send(jar, at, 'method', { method: 'skip' });
    const done = await send(jar, at, 'later', {});
    t.match(await arrive(jar, done.page), /154\*{4}0221|账号|account/);
    t.equal((await jar.fetch(`${at}/later`, { method: 'POST' })).status, 403, 'without a token nothing is done');
  });

  await t.test('the same person by SMS, in another browser; then a new password', async (t) => {
    const jar = new Jar();
    const at = await begin(jar);
    await open(jar, `${at}?way=sms`);
    const sent = await send(jar, at, 'mobile', { mobile: person.mobile });
    t.match(sent.page, /之后|154\*{4}0221/, 'a code was sent, or says from when on');
    const cross = await send(jar, at, 'mobile', { mobile: person.mobile }, { origin: 'http://evil.example' });
    t.equal(cross.status, 403, 'another site cannot post');
  });

  await t.test('a wrong password and an unknown mobile read the same', async (t) => {
    const answers = await Promise.all(
      [person.mobile, '15400009999'].map(async (mobile) => {
        const jar = new Jar();
        const at = await begin(jar);
        const { status, page } = await send(jar, at, 'password', { login_id: mobile, password: 'wrong horse battery' });
        return {
          status,
          said: page
            .replaceAll(mobile, '')
            .replaceAll(/signin(\/|%2F)[\w-]+/g, '')
            .replaceAll(/form_token" value="[^"]+"/g, ''),
        };
      }),
    );
    t.equal(answers[0]?.status, 422);
    t.same(answers[0], answers[1]);
  });

  await t.test('the province: a ticket signs in the browser that began, and no other', async (t) => {
    const jar = new Jar();
    const at = await begin(jar);
    const away = (await jar.fetch(`${at}/province`)).headers.get('location') ?? '';
    t.match(away, own.province);
    const form = new URL(away).searchParams;
    const back = await fetch(new URL('/dataset/UnifiedController/login.do', own.province), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({
        callerCode: 'EGRET',
        returnurl: form.get('returnurl') ?? '',
        number: '350299199001010117',
      }),
      headers: { origin: own.province },
    });
    const ticket = back.headers.get('location') ?? '';
    const forged = `${at}/ticket?state=${encodeURIComponent('é'.repeat(32))}&trustticket=abcdefghijklmnopq`;
    t.equal((await jar.fetch(forged)).status, 403, 'a state of as many characters and more bytes');
    t.match(ticket, /trustticket=/);
    const other = new Jar();
    const elsewhere = await begin(other);
    t.equal((await other.fetch(ticket.replace(at, elsewhere))).status, 403, 'the state is of another journey');
    t.equal((await jar.fetch(ticket)).headers.get('location'), new URL(at).pathname);
    await Promise.all(Array.from({ length: 8 }, () => open(jar.clone(), at)));
    // whoever planted the cookies of this journey in that browser has them all, but for the token of the browser
    const planter = jar.clone();
    planter.drop('egret_b');
    t.equal((await planter.fetch(at)).status, 410, 'what the browser has come to is no other one’s');
    const resume = /content="0;url=([^"]+)"/.exec(await open(jar, at))?.[1] ?? '';
    t.equal((await planter.fetch(new URL(resume, own.issuer).href)).status, 410, 'nor does another resume it');
    t.notOk(planter.get('egret'), 'nobody is signed in there');
    t.match(await arrive(jar, await open(jar, at)), /测\*甲/);
    const embedded = await startEmbedded(own.data);
    const records = openDatabase({ ...embedded });
    const [counted] = await records.sql`select count(*)::integer as n from sessions where 'tkt' = any(methods)`;
    await records.close();
    embedded.release();
    t.equal(counted?.n, 1, 'the last page asked for nine times at once began one session');
    t.not((await jar.fetch(ticket)).status, 200, 'nothing twice');

    // a page left open, and its person gone meanwhile: whoever sits down next must not answer it for them
    const authorize = (await fetch(`${own.portal(1)}/sign-in`, { redirect: 'manual' })).headers.get('location') ?? '';
    const left = await open(jar, authorize);
    const [, action] = /"(\/signin\/[^"]+\/roaming)#err"/.exec(left) ?? [];
    t.ok(action, 'the notice of a first visit');
    for (const decision of ['nonsense', ''])
      t.equal(
        (await send(jar, own.issuer + String(action).replace('/roaming', ''), 'roaming', { decision })).status,
        400,
        'no answer is no sign-out',
      );
    t.match(await open(jar, authorize), /测\*甲/, 'still signed in');
    const next = jar.clone();
    next.drop('egret');
    const answer2 = await next.fetch(own.issuer + action, {
      method: 'POST',
      body: new URLSearchParams({
        form_token: /name="form_token" value="([^"]+)"/.exec(left)?.[1] ?? '',
        decision: 'continue',
        skip_notice: 'on',
      }),
      headers: { origin: own.issuer },
    });
    t.equal(answer2.status, 410);
    t.notMatch(await answer2.text(), /测\*甲/);
    t.match(await open(jar, authorize), /\/roaming#err"/, 'the notice was not switched off');
  });

  await t.test('what leads nowhere', async (t) => {
    for (const [path, status] of [
      ['/nope', 404],
      ['/signin/abc', 410],
      ['/authorize', 400],
      ['/authorize?client_id=renshe&redirect_uri=http://evil.example&response_type=code', 400],
      ['/session/end?post_logout_redirect_uri=http://evil.example&client_id=renshe', 400],
      ['/session/end?client_id=a&client_id=b', 400],
      ['/session/end/confirm', 404],
      ['/metrics', 404],
      ['/readyz', 404],
    ] as const) {
      const answer = await fetch(own.issuer + path, { redirect: 'manual', headers: { accept: 'text/html' } });
      t.equal(answer.status, status, path);
      t.notMatch(await answer.text(), /at .*\.ts:|oidc-provider/);
    }
    const discovery = await fetch(`${own.issuer}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    });
    t.notMatch(await discovery.text(), /evil/);
  });
});
