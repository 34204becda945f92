import { join } from 'node:path';
import t from 'tap';
import { json, runner } from '../cli/world.ts';
import { patientCity, person } from '../signin/visitor.ts';
import { until } from '../support/processes.ts';
import { answers, patience, Roamer } from './roamer.ts';

/** Signing out by forms alone, with departments that answer as they like: 1 人社, 2 公积金, 3 医保, 4 市场监管. */
t.setTimeout(240_000);

const jia = person('测试甲', '350299199001010117');
const yi = person('测试乙', '350299199001010221');
const bing = person('测试丙', '350299194803150311');

t.test('signing out', async (t) => {
  const own = await patientCity(t);
  const egret = runner(t, {
    EGRET_DATA: own.data,
    EGRET_KEY_FILE: join(own.data, 'keys', 'key-encryption.key'),
    EGRET_BASE_PORT: String(own.base),
  });
  const visitor = new Roamer(own);
  const somebody = new Roamer(own);
  await visitor.join(jia);
  await somebody.join(yi);
  t.same(await somebody.visit(1), ['roaming', 'consent']);
  const theirs = (await somebody.state(1)).session;
  for (const n of [1, 2, 3, 4]) t.notOk((await visitor.visit(n)).includes('login'), `one sign-in, department ${n}`);
  const out = (n: number): string => `${own.portal(n)}/signed-out`;
  const count = (page: string, words: string): number => page.split(words).length - 1;

  /** Who is signed in where, and what the departments heard of it. */
  const standing = async (): Promise<unknown> => [
    await visitor.isSignedIn(),
    ...(await Promise.all(
      [1, 2, 3, 4].map(async (n) => {
        const { session, notices } = await visitor.state(n);
        return [session?.sid, notices.length];
      }),
    )),
  ];
  /** Where a person who signed out gets to: at once when all have answered in time, else by the page that says so. */
  const landing = async (to: string | null, page: string): Promise<string | undefined> => {
    const [, further] = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page) ?? [];
    if (further) return further;
    let shown = '';
    await until(async () => {
      shown = (await visitor.open(to ?? '')).page;
      return !/未响应|等回应/.test(shown);
    }, patience);
    return /href="([^"]+)"[^>]*><span>继续，返回/.exec(shown)?.[1];
  };

  await t.test('a department asks: it is a question, and a GET answers nothing', async (t) => {
    const asked = await visitor.leave(1);
    t.equal(asked.searchParams.get('post_logout_redirect_uri'), out(1));
    t.notOk((await visitor.state(1)).session, 'the department ended its own session first');
    await visitor.visit(1);
    const before = await standing();

    const led = await visitor.request(asked.href);
    t.equal(led.status, 303);
    t.match(led.to, /^\/sign-out\?request=[\w-]+$/);
    const hint = asked.searchParams.get('id_token_hint') ?? '';
    t.match(hint, /^eyJ/);
    t.notMatch(led.to, hint.split('.')[2] ?? '', 'no hint stands in a later address');
    const question = await visitor.open(asked.href);
    t.equal(question.title, '要退出哪里？');
    t.match(question.page, /全部退出/);
    t.match(question.page, /只退出市人社局/, 'the hint names the department');
    t.match(question.page, /你用白鹭通行证登录了 4 个部门/);
    for (const words of ['市人社局', '市公积金中心', '市医保局', '市市场监管局']) t.match(question.page, words);
    await visitor.open(`${led.to}&choice=all`);
    await visitor.open('/sign-out?choice=all');
    await visitor.open('/session/end?choice=all');

    const named = await visitor.open('/session/end?client_id=gongjijin');
    t.match(named.page, /只退出市公积金中心/, 'a client id names it too');
    for (const path of ['/session/end', '/sign-out', `/session/end?state=x&ui_locales=zh-CN`]) {
      const plain = await visitor.open(path);
      t.match(plain.page, /全部退出/, path);
      t.notMatch(plain.page, /只退出/, `${path}: only all`);
    }
    const gone = await visitor.leave(4);
    for (const name of ['id_token_hint', 'client_id']) gone.searchParams.delete(name);
    t.equal((await visitor.request(gone.href)).status, 400, 'an address without a department is nobody’s');
    await visitor.visit(4);
    const again = await standing();
    t.same((again as unknown[]).slice(0, 4), (before as unknown[]).slice(0, 4), 'nothing was ended');
  });

  await t.test('what does not hold is refused, sent nowhere, and ends nothing', async (t) => {
    const asked = await visitor.leave(1);
    await visitor.visit(1);
    const hint = asked.searchParams.get('id_token_hint') ?? '';
    const [head, body, signature = ''] = hint.split('.');
    const turned = `${signature.slice(0, 10)}${signature[10] === 'A' ? 'B' : 'A'}${signature.slice(11)}`;
    const before = await standing();
    const cases: [string, Record<string, string> | string][] = [
      ['another site', { id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example/' }],
      ['another site, by client id', { client_id: 'renshe', post_logout_redirect_uri: 'https://evil.example/' }],
      ['below the address', { id_token_hint: hint, post_logout_redirect_uri: `${out(1)}/evil` }],
      ['a query at the address', { id_token_hint: hint, post_logout_redirect_uri: `${out(1)}?to=evil` }],
      ['a fragment at the address', { id_token_hint: hint, post_logout_redirect_uri: `${out(1)}#evil` }],
      ['the address of another department', { id_token_hint: hint, post_logout_redirect_uri: out(2) }],
      ['the address of a sign-in', { id_token_hint: hint, post_logout_redirect_uri: `${own.portal(1)}/callback` }],
      ['a script', { id_token_hint: hint, post_logout_redirect_uri: 'javascript:alert("evil")' }],
      ['no host', { id_token_hint: hint, post_logout_redirect_uri: '//evil.example' }],
      ['a changed hint', { id_token_hint: `${head}.${body}.${turned}` }],
      ['an unsigned hint', { id_token_hint: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.` }],
      ['no hint at all', { id_token_hint: 'evil' }],
      ['the hint of one, the id of another', { id_token_hint: hint, client_id: 'yibao' }],
      ['an unknown department', { client_id: 'evil' }],
      ['a repeated department', 'client_id=renshe&client_id=renshe'],
      ['a state as long as a book', { client_id: 'renshe', state: 'evil'.repeat(501) }],
    ];
    for (const [name, parameters] of cases)
      for (const method of ['GET', 'POST']) {
        const sent = new URLSearchParams(parameters);
        const answer = await (method === 'GET'
          ? visitor.request(`/session/end?${sent}`)
          : visitor.request('/session/end', { method, body: sent }));
        t.equal(answer.status, 400, `${method}: ${name}`);
        t.equal(answer.to, null, `${method}: ${name}: no redirect`);
        t.match(answer.page, /EG-1501/, name);
        t.notMatch(answer.page.replace(/<html[\s\S]*?<main/, ''), /evil/, `${name}: nothing of it is said again`);
      }
    t.same(await standing(), before);
  });

  await t.test('another person’s hint names the department, and nobody', async (t) => {
    const asked = await somebody.leave(1);
    await somebody.visit(1);
    const before = await standing();
    const question = await visitor.open(asked.href);
    t.match(question.page, /只退出市人社局/);
    t.match(question.page, /测\*甲/, 'it asks whoever is here');
    t.notMatch(question.page, /测\*乙/);
    const request = new URL((await visitor.request(asked.href)).to ?? '', own.issuer).searchParams.get('request') ?? '';
    const { form_token = '' } = await visitor.hidden('/sign-out');
    for (const [name, form, status] of [
      ['a question that was not put to this session', { form_token, request, choice: 'one' }, 410],
      ['the same, all', { form_token, request, choice: 'all' }, 410],
      ['no department was named', { form_token, choice: 'one' }, 400],
      ['no choice', { form_token }, 400],
      ['another choice', { form_token, choice: 'everybody' }, 400],
    ] as const) {
      const body = new URLSearchParams(form);
      const answer = await visitor.request('/sign-out', { method: 'POST', body, headers: { origin: own.issuer } });
      t.equal(answer.status, status, name);
    }
    t.same(await standing(), before, 'neither here');
    t.ok(await somebody.isSignedIn(), 'nor there');
    t.equal((await somebody.state(1)).session?.sub, theirs?.sub);
  });

  await t.test('a post from elsewhere', async (t) => {
    const before = await standing();
    const form = await visitor.hidden('/session/end?client_id=renshe');
    const foreign = await somebody.hidden('/sign-out');
    const post = (headers: Record<string, string>, fields: Record<string, string>) =>
      visitor.request('/sign-out', {
        method: 'POST',
        headers,
        body: new URLSearchParams({ ...fields, choice: 'all' }),
      });
    for (const [name, headers, fields] of [
      ['another site', { origin: 'https://evil.example' }, form],
      ['a department', { origin: own.portal(1) }, form],
      ['a page without an origin, of another site', { origin: 'null', 'sec-fetch-site': 'cross-site' }, form],
      ['another port', { origin: own.admin }, form],
      ['our page, no token', { origin: own.issuer }, { request: form.request ?? '' }],
      [
        'our page, the token of another browser',
        { origin: own.issuer },
        { ...form, form_token: foreign.form_token ?? '' },
      ],
    ] as const)
      t.equal((await post(headers, fields as Record<string, string>)).status, 403, name);
    const asked = await visitor.request('/session/end', {
      method: 'POST',
      headers: { origin: own.portal(1) },
      body: new URLSearchParams({ client_id: 'renshe', post_logout_redirect_uri: out(1), choice: 'all' }),
    });
    t.equal(asked.status, 303, 'a department may ask by post');
    t.match(asked.to, /^\/sign-out\?request=/, 'and gets the question');
    t.same(await standing(), before);
  });

  await t.test('only one department', async (t) => {
    const [before, others] = [(await visitor.state(2)).session, [await visitor.state(1), await visitor.state(3)]];
    const page = `/session/end?${new URLSearchParams({ client_id: 'gongjijin', post_logout_redirect_uri: out(2), state: 'a b&c' })}`;
    const { to, page: led } = await visitor.press(page, '/sign-out', { choice: 'one' });
    await until(async () => (await visitor.state(2)).session === null, patience);
    const { ended, notices } = await visitor.state(2);
    t.equal(ended, 'notice', 'told, it ended its session');
    t.match(notices, [{ outcome: 'accepted', sid: before?.sid, ended: 1 }]);
    t.equal(notices.length, 1, 'told once');
    t.equal(await landing(to, led), `${out(2)}?state=a+b%26c`, 'back at its registered address, with its state');
    t.match(await (await visitor.jar.fetch(own.portal(2))).text(), /你已退出本网站/);

    for (const [i, n] of [1, 3].entries()) {
      t.same(await visitor.state(n), others[i], `department ${n} heard nothing`);
      t.match(await visitor.atPortal(n, '/userinfo'), /用户信息又取了一次/, `its token at ${n} still reads`);
    }
    t.match((await visitor.open('/account')).page, /测\*甲/, 'the sign-in itself stands');
    t.notMatch((await visitor.open('/sign-out')).page, /公积金/, 'and no longer lists it');
    t.notOk((await visitor.visit(2)).includes('login'), 'a new visit asks for no sign-in');
    t.ok((await visitor.state(2)).session);
    t.equal((await visitor.state(2)).notices.length, 1, 'an ended stay does not end the next one');
  });

  await t.test('all of them, and three do not answer as they should', async (t) => {
    await answers(own.portal(2), 'error');
    await answers(own.portal(3), 'hang');
    await answers(own.portal(4), 'slow');
    const sids = await Promise.all([1, 2, 3, 4].map(async (n) => (await visitor.state(n)).session?.sid));
    const before = visitor.jar.clone();
    t.match(await visitor.atPortal(2, '/refresh'), /令牌换成新的了/, 'until now a refresh token is good');
    t.match(await visitor.atPortal(2, '/balance'), /active: true/, 'and an access token');
    const asked = await visitor.leave(1);
    const done = await visitor.press(asked.href, '/sign-out', { choice: 'all' });
    t.equal(done.status, 303);
    t.match(done.to, /^\/sign-out\/result\/[\w-]+$/, 'a page that says who has answered');
    const result = done.to ?? '';

    // looked at again and again, it never says more than was answered
    let shown = await visitor.open(result);
    const overstated = (): boolean =>
      count(shown.page, '已退出</') > 1 ||
      /全部已退出|都已确认退出/.test(shown.page) ||
      shown.title !== '已退出白鹭通行证';
    await until(async () => {
      shown = await visitor.open(result);
      return overstated() || count(shown.page, '未响应') === 3;
    }, patience);
    t.notOk(overstated(), 'only what was answered is said to be over');
    t.match(shown.page, /1 个部门已确认退出，3 个还没有回应。/);
    t.match(shown.page, /最迟/, 'with the latest end of the department’s own session');
    for (const n of [2, 3, 4]) t.match(shown.page, `href="${own.portal(n)}/sign-out"`, `and the way out at ${n}`);
    t.match(shown.page, new RegExp(`href="${out(1)}\\?state=[\\w-]+"[^>]*><span>继续，返回市人社局`));
    t.match(shown.page, /看最新结果/);
    t.match((await visitor.state(1)).notices[0], { outcome: 'accepted', sid: sids[0] });

    await t.test('here it is over at once', async (t) => {
      t.equal(visitor.jar.get('egret'), undefined, 'the cookie is gone');
      t.notOk(await visitor.isSignedIn());
      const kept = new Roamer(own);
      for (const name of ['egret', 'egret_b']) if (!before.get(name)) t.fail(`no cookie ${name} to keep`);
      Object.assign(kept, { jar: before });
      t.notOk(await kept.isSignedIn(), 'and a cookie that was kept is worth nothing');
      t.same(
        await visitor.visit(3),
        ['login'],
        'a department that did not answer sends here, and here one must sign in',
      );
      t.equal((await somebody.state(1)).session?.sub, theirs?.sub, 'nobody else is touched');
      t.match(await somebody.atPortal(1, '/userinfo'), /用户信息又取了一次/);
    });

    await t.test('the tokens of the session are dead at departments that never heard of it', async (t) => {
      t.ok((await visitor.state(2)).session, 'it did not listen');
      t.match(await visitor.atPortal(2, '/refresh'), /没有换成：invalid_grant/);
      t.match(await visitor.atPortal(2, '/balance'), /令牌不管用了/, 'nor is it active for those who ask about it');
      t.ok((await visitor.state(3)).session);
      t.match(await visitor.atPortal(3, '/userinfo'), /没有取到：invalid_token/);
    });

    await t.test('mended, and told again', async (t) => {
      const waiting = async (): Promise<{ id: string; target: string; tries: number; lastError: string | null }[]> =>
        json(await egret('outbox list --state waiting --json'));
      const listed = await waiting();
      t.same(listed.map(({ target }) => target).sort(), ['gongjijin', 'jianguan', 'yibao']);
      const stuck = listed.find(({ target }) => target === 'gongjijin');
      t.equal(stuck?.lastError, 'http-500');
      const heard = (await visitor.state(2)).notices.length;
      const retried = await egret(`outbox retry ${stuck?.id}`);
      t.match([retried.code, retried.out], [0, `${stuck?.id} is due now\n`]);
      await until(async () => (await visitor.state(2)).notices.length > heard, patience);
      t.equal(count((await visitor.open(result)).page, '未响应'), 3, 'an error again is no answer');

      for (const n of [2, 3, 4]) await answers(own.portal(n), 'normal');
      // or its own next try was faster
      t.match((await egret(`outbox retry ${stuck?.id}`)).err, /^$|Nothing is left/);
      await until(async () => {
        shown = await visitor.open(result);
        return /4 个部门都已确认退出。/.test(shown.page);
      }, patience);
      t.notMatch(shown.page, /未响应|等回应|看最新结果/);
      for (const [i, n] of [1, 2, 3, 4].entries()) {
        const { session, notices } = await visitor.state(n);
        t.equal(session, null, `department ${n} ended its session`);
        const accepted = notices.filter(({ outcome, sid }) => outcome === 'accepted' && sid === sids[i]);
        t.ok(accepted.length > 0, `department ${n} took the notice of that sign-in`);
      }
      t.same(await waiting(), [], 'nothing is left to send');
    });

    await t.test('and back to the department that asked', async (t) => {
      const href = /href="([^"]+)"[^>]*><span>继续，返回/.exec(shown.page)?.[1] ?? '';
      t.equal(new URL(href).searchParams.get('state'), asked.searchParams.get('state'));
      const back = await visitor.jar.fetch(href);
      t.match(await back.text(), /按你刚才选的办了/, 'which knows the browser that left');
      for (const id of [
        'x'.repeat(22),
        'x',
        '%00',
        `${'x'.repeat(21)}%00`,
        '%27',
        '..%2f..%2fetc',
        '__proto__',
        '测试',
      ])
        t.equal((await visitor.request(`/sign-out/result/${id}`)).status, 404, `the page of no sign-out: ${id}`);
    });
  });

  await t.test('a department that was not gone further to than our notice', async (t) => {
    const who = new Roamer(own);
    await who.join(bing);
    await who.visit(1);
    await who.press('/sign-out', '/sign-out', { choice: 'all' });
    await who.signIn(bing);
    const begin = (await who.jar.fetch(`${own.portal(1)}/sign-in`)).headers.get('location') ?? '';
    t.equal((await who.open(begin)).title, '你已登录，不用再登一次');
    const named = async (): Promise<boolean[]> =>
      Promise.all(['/sign-out', '/account/sessions'].map(async (path) => /市人社局/.test((await who.open(path)).page)));
    t.same(await named(), [false, false], 'is not one of those that are signed out of');
    t.same(await who.visit(1), ['roaming'], 'having gone on');
    t.same(await named(), [true, true]);
  });

  await t.test('at the notice on the way: this is not me', async (t) => {
    for (const roaming of ['leave', 'switch'] as const) {
      const left = new Roamer(own);
      await left.signIn(yi);
      await left.visit(1);
      if (roaming === 'leave')
        await t.rejects(left.visit(3, { roaming }), /access_denied/, 'the department is told no');
      else t.same(await left.visit(3, { roaming }), ['roaming', 'login'], 'whoever it is may sign in');
      t.notOk(await left.isSignedIn(), roaming);
      await until(async () => (await left.state(1)).ended === 'notice', patience);
    }
    t.ok((await somebody.state(1)).session, 'the same person at another browser stays');
    t.ok(await somebody.isSignedIn());
  });

  await t.test('a department that was stopped: nobody says that it is told', async (t) => {
    const late = new Roamer(own);
    await late.signIn(yi);
    for (const n of [1, 3]) await late.visit(n);
    t.equal((await egret('clients stop yibao --reason incident')).code, 0);
    await until(async () => !/医/.test((await late.open('/sign-out')).page), patience);
    const done = await late.press('/sign-out', '/sign-out', { choice: 'all' });
    t.match(done.to, /^\/sign-out\/result\//, 'not all have answered');
    let shown = '';
    await until(async () => {
      shown = (await late.open(done.to ?? '')).page;
      return /已退出<\//.test(shown) && /未响应/.test(shown) && !/等回应/.test(shown);
    }, patience);
    for (const said of [/1 个部门已确认退出，1 个还没有回应。/, /我们通知不到它。最迟/]) t.match(shown, said);
    t.ok((await late.state(3)).session, 'it has not heard');
    t.match(await late.atPortal(3, '/userinfo'), /没有取到/, 'and gets nothing');

    t.equal((await egret('clients start yibao')).code, 0);
    t.same(json(await egret('outbox list --state dead --json')), [], 'its notice waits for it');
    await until(async () => /2 个部门都已确认退出。/.test((await late.open(done.to ?? '')).page), patience);
    t.equal((await late.state(3)).ended, 'notice');
  });

  await t.test('the button pressed twice', async (t) => {
    const hasty = new Roamer(own);
    await hasty.signIn(yi);
    await hasty.visit(1);
    const { sid } = (await hasty.state(1)).session ?? {};
    const body = new URLSearchParams({ ...(await hasty.hidden('/sign-out')), choice: 'all' });
    const headers = { origin: own.issuer };
    const both = await Promise.all([1, 2].map(() => hasty.request('/sign-out', { method: 'POST', headers, body })));
    for (const { status, to } of both)
      t.ok(status === 200 || (status === 303 && /^\/sign-out\/result\//.test(to ?? '')));
    t.match((await hasty.request('/sign-out', { method: 'POST', headers, body })).page, /你没有登录/, 'and once more');
    await until(async () => (await hasty.state(1)).ended === 'notice', patience);
    const told = (await hasty.state(1)).notices.filter((notice) => notice.sid === sid);
    t.equal(told.length, 1, 'the department was told once');
  });

  await t.test('nobody is signed in', async (t) => {
    const straight = await visitor.request(
      `/session/end?${new URLSearchParams({ client_id: 'renshe', post_logout_redirect_uri: out(1), state: 's' })}`,
    );
    t.match([straight.status, straight.to], [303, `${out(1)}?state=s`], 'nothing to ask');
    const plain = await visitor.open('/sign-out');
    t.equal(plain.title, '你没有登录');
    const { form_token = '' } = await somebody.hidden('/sign-out');
    const body = new URLSearchParams({ form_token, choice: 'all' });
    const answer = await visitor.request('/sign-out', { method: 'POST', body, headers: { origin: own.issuer } });
    t.equal(answer.status, 403, 'another browser’s form');
    t.ok(await somebody.isSignedIn());
  });
});
