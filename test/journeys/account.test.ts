import t from 'tap';
import { patientCity, person } from '../signin/visitor.ts';
import { until } from '../support/processes.ts';
import { answers, patience, Roamer } from './roamer.ts';

/** The account centre by forms alone: one person with several browsers, and another one. */
t.setTimeout(240_000);

const jia = person('测试甲', '350299199001010117');
const yi = person('测试乙', '350299199001010221');
const sessions = '/account/sessions';
const end = `${sessions}/end`;
const leave = `${sessions}/leave`;
const endOthers = `${sessions}/end-others`;
const authorizations = '/account/authorizations';
/** A page of ours that has a form, whatever there is to end: its token is good for every form of this browser. */
const forms = '/sign-out';

t.test('the account centre', async (t) => {
  const own = await patientCity(t);
  const [here, there, third, somebody] = [new Roamer(own), new Roamer(own), new Roamer(own), new Roamer(own)];
  await here.join(jia);
  await there.signIn(jia);
  await somebody.join(yi);
  t.notOk((await here.visit(1)).includes('login'));
  for (const n of [2, 3]) t.notOk((await there.visit(n)).includes('login'));
  await somebody.visit(2);

  /** What the buttons of the list post: the other sessions of this person. */
  const others = async (who: Roamer): Promise<string[]> =>
    [...(await who.open(sessions)).page.matchAll(/name="session" value="([^"]+)"/g)].map(([, id]) => id ?? '');
  const stand = async (t: Tap, name: string, ...all: Roamer[]): Promise<void> => {
    for (const [n, who] of all.entries()) t.ok(await who.isSignedIn(), `${name}: ${n}`);
  };
  const endedAt = async (who: Roamer, n: number): Promise<void> =>
    until(async () => {
      const { session, ended } = await who.state(n);
      return session === null && ended === 'notice';
    }, patience);

  await t.test('each browser shows both sessions, with where they are signed in', async (t) => {
    const page = await here.open(sessions);
    t.match([page.status, page.title], [200, '设备与会话']);
    t.match(page.page, /你的账号正在 2 台设备上登录/);
    const [mine = '', other = ''] = page.page.split('<li class="row">').slice(1);
    t.match(mine, /就是这台/, 'this one first');
    t.match(mine, /人社局|人力资源/);
    t.match(mine, /href="\/sign-out"/, 'which is signed out of');
    t.notMatch(other, /就是这台/);
    t.match(other, /公积金[\s\S]*医/);
    t.match(other, /name="session"/, 'the other one can be ended');
    t.not((await others(here))[0], (await others(there))[0], 'seen from there it is the other way round');
    t.equal((await others(somebody)).length, 0, 'nobody sees another person’s');
    t.match((await somebody.open(sessions)).page, /只在这台设备上登录/);
  });

  await t.test('what is not this person’s own post ends nothing', async (t) => {
    const [id = ''] = await others(here);
    const form = { ...(await here.hidden(forms)), session: id, visit: `${id}.gongjijin` };
    const foreign = { ...form, ...(await somebody.hidden(forms)) };
    const acts = [end, leave, endOthers, `${authorizations}/renshe`, `${authorizations}/renshe/notice`];
    const ways: [string, Record<string, string>, Record<string, string>][] = [
      ['another site', { origin: 'https://evil.example' }, form],
      ['a department', { origin: own.portal(1) }, form],
      ['another site that hides', { origin: 'null', 'sec-fetch-site': 'cross-site' }, form],
      ['no token', { origin: own.issuer }, { session: id, visit: `${id}.gongjijin` }],
      ['the token of another browser', { origin: own.issuer }, foreign],
    ];
    for (const action of acts)
      for (const [name, headers, fields] of ways) {
        const body = new URLSearchParams({ notice: 'off', ...fields });
        const answer = await here.request(action, { method: 'POST', headers, body });
        t.equal(answer.status, 403, `${action}: ${name}`);
        t.match(answer.page, /EG-1003/);
      }
    for (const action of [end, leave, endOthers]) t.equal((await here.request(action)).status, 404, `GET ${action}`);

    for (const [who, what, name] of [
      [somebody, id, 'another person’s session'],
      [somebody, (await others(there))[0] ?? '', 'another one of theirs'],
      [there, id, 'this session itself: there is a page to sign out'],
      [here, 'A'.repeat(43), 'one that is not there'],
      [here, '', 'none'],
    ] as const) {
      const answer = await who.press(forms, end, { session: what });
      t.match([answer.status, answer.to], [303, sessions], name);
    }
    t.equal((await here.press(forms, end, { session: 'A'.repeat(61) })).status, 400, 'a long one');
    for (const [who, what, name] of [
      [somebody, `${id}.gongjijin`, 'another person’s stay at a department'],
      [here, `${id}.renshe`, 'a department that this session is not in'],
      [here, '', 'no stay'],
    ] as const)
      t.match(await who.press(forms, leave, { visit: what }), { status: 303, to: sessions }, name);
    const repeated = new URLSearchParams(await here.hidden(forms));
    for (const each of [id, id]) repeated.append('session', each);
    const headers = { origin: own.issuer };
    t.equal((await here.request(end, { method: 'POST', headers, body: repeated })).status, 400, 'two at once');

    await stand(t, 'nobody was signed out', here, there, somebody);
    t.same((await others(here)).length, 1);
    for (const n of [2, 3]) {
      const { session, notices } = await there.state(n);
      t.match([session, notices], [{ sid: String }, []], `department ${n} heard nothing`);
    }
    t.match((await here.open(authorizations)).page, /人社局|人力资源/, 'what was agreed stands');
  });

  await t.test('leaves one department, in one session', async (t) => {
    /** The buttons that leave this department: of this session first. */
    const ways = async (client: string): Promise<string[]> =>
      [...(await here.open(sessions)).page.matchAll(/name="visit" value="([^"]+)"/g)]
        .map(([, visit = '']) => visit)
        .filter((visit) => visit.endsWith(`.${client}`));
    const elsewhere = await there.state(2);
    const [visit = ''] = await ways('yibao');
    const done = await here.press(sessions, leave, { visit });
    t.match([done.status, done.to], [303, /^\/account\/sessions\?done=left&result=[\w-]{22}$/]);
    await endedAt(there, 3);
    await until(async () => /已退出[^<]*医保局/.test((await here.open(done.to ?? '')).page), patience);
    t.match((await here.open(done.to ?? '')).page, /\d\d:\d\d 已退出<\/span> 白鹭通行证已断开/, 'since when');
    for (const made of ['', '=', `=${'A'.repeat(22)}`, '=a&result=b', `=${visit}`]) {
      const { status, page } = await here.open(`${sessions}?done=left&result${made}`);
      t.match([status, /role="status"><p/.test(page)], [200, false], `nothing is said of a result${made}`);
    }
    t.same(await there.state(2), elsewhere, 'the other department goes on');
    t.same(await ways('yibao'), []);
    t.match(await here.press(sessions, leave, { visit }), { status: 303, to: sessions }, 'left is left');
    await stand(t, 'nobody was signed out', here, there, somebody);
    t.notOk((await there.visit(3)).includes('login'), 'and it comes back without a sign-in');
    t.ok((await there.state(3)).session);
    const [mine = ''] = await ways('renshe');
    await answers(own.portal(1), 'hang');
    const open = await here.press(sessions, leave, { visit: mine });
    const unanswered = (await here.open(open.to ?? '')).page;
    t.match(unanswered, /人社局还没有确认退出/, 'who does not answer is not called out');
    t.match(unanswered, /最迟 <strong>[^<]+<\/strong> 它那边会自动失效/);
    t.notMatch(unanswered, /已退出/);
    await answers(own.portal(1), 'normal');
    await endedAt(here, 1);
    await until(async () => /已退出[^<]*人社局/.test((await here.open(open.to ?? '')).page), patience);
    await stand(t, 'this session itself', here);
    t.notOk((await here.visit(1)).includes('login'));
  });

  await t.test('ends the other one: it is over there at the next page', async (t) => {
    const [id = ''] = await others(here);
    const waiting = new URLSearchParams(await there.hidden(forms));
    const kept = await here.state(1);
    const done = await here.press(forms, end, { session: id });
    t.match([done.status, done.to], [303, `${sessions}?done=one`]);
    t.notOk(await there.isSignedIn(), 'the next page there asks to sign in');
    const late = await there.request(endOthers, { method: 'POST', headers: { origin: own.issuer }, body: waiting });
    t.match([late.status, late.to], [303, /^\/authorize\?/], 'a form that was open there does nothing more');
    for (const n of [2, 3]) await endedAt(there, n);
    t.same(await there.visit(2), ['login'], 'nor does a department get in without a sign-in');
    t.same(await here.state(1), kept, 'nothing changed here');
    const page = await here.open(done.to ?? '');
    t.match(page.page, /已让那台设备退出/);
    t.match(page.page, /只在这台设备上登录/);
    t.match([await here.press(forms, end, { session: id })], [{ status: 303, to: sessions }], 'over is over');
    await stand(t, 'who stays', here, somebody);
  });

  await t.test('who is not signed in signs in, and comes back', async (t) => {
    const page = await there.open(sessions);
    const uid = /action="\/signin\/([\w-]+)\/password/.exec(page.page)?.[1];
    t.ok(uid, 'a sign-in');
    there.at = `${own.issuer}/signin/${uid}`;
    const back = await there.arrive(await there.byPassword(jia.mobile));
    t.match([back.status, back.title], [200, '设备与会话'], 'at the page that was wanted');
    t.match(back.page, /测\*甲/);
    const away = `https://evil.example/`;
    for (const state of [away, `${'a'.repeat(22)}.sessions.${away}`, `${'a'.repeat(22)}./evil`, 'sessions']) {
      const home = await there.request(`/account?${new URLSearchParams({ state })}`);
      t.match([home.status, home.to], [303, '/account'], `a state somebody made up leads nowhere else: ${state}`);
    }
    const refused = await new Roamer(own).open('/account?error=access_denied&state=x');
    t.match([refused.status, refused.page], [400, /EG-1602/], 'who came back without is not sent round again');
  });

  await t.test('ends all others', async (t) => {
    await third.signIn(jia);
    t.notOk((await there.visit(2)).includes('login'));
    t.equal((await others(here)).length, 2);
    const done = await here.press(forms, endOthers);
    t.match([done.status, done.to], [303, `${sessions}?done=others`]);
    for (const who of [there, third]) t.notOk(await who.isSignedIn());
    await endedAt(there, 2);
    const page = await here.open(done.to ?? '');
    t.match(page.page, /其他设备都已退出/);
    t.equal((await others(here)).length, 0);
    t.ok((await here.state(1)).session);
    await stand(t, 'who stays', here, somebody);
    t.ok((await somebody.state(2)).session, 'another person’s stay at the same department');
  });

  await t.test('a consent withdrawn is asked for again', async (t) => {
    await there.signIn(jia);
    t.same((await there.visit(2)).at(-1) === 'consent', false, 'what stands is not asked');
    await there.visit(3);
    await answers(own.portal(2), 'hang');
    t.match(await there.atPortal(2, '/balance'), /active: true/);
    const page = await here.open(authorizations);
    t.match(page.page, /公积金/);
    const asked = await here.open(`${authorizations}/gongjijin`);
    t.match(asked.title, /给市公积金中心的授权，要收回吗？/);
    t.match(await there.atPortal(2, '/balance'), /active: true/, 'which is a question');

    const done = await here.press(`${authorizations}/gongjijin`, `${authorizations}/gongjijin`);
    t.match([done.status, done.to], [303, `${authorizations}?done=withdrawn&client=gongjijin`]);
    const after = await here.open(done.to ?? '');
    t.match(after.page, /已收回给.*公积金中心的授权/);
    t.notMatch(after.page, `href="${authorizations}/gongjijin"`, 'it is no longer listed');
    t.match(after.page, `href="${authorizations}/yibao"`, 'the others are');
    // the department does not answer, and still has its own session
    t.match(await there.atPortal(2, '/balance'), /令牌不管用了/, 'no token of it is good');
    t.match(await there.atPortal(2, '/refresh'), /没有换成：invalid_grant/);
    t.match(await there.atPortal(2, '/userinfo'), /没有取到：invalid_token/);
    await answers(own.portal(2), 'normal');
    await endedAt(there, 2);
    t.match(await there.atPortal(3, '/userinfo'), /用户信息又取了一次/, 'other departments are not concerned');
    await stand(t, 'the sign-in stands', here, there, somebody);
    t.ok((await somebody.state(2)).session, 'nor are other people');
    t.notOk((await somebody.visit(2)).includes('consent'));

    for (const who of [there, here]) {
      const seen = await who.visit(2);
      t.notOk(seen.includes('login'), 'no second sign-in');
      t.equal(seen.includes('consent'), who === there, 'asked once more, and then it stands');
    }
    t.match((await here.open(authorizations)).page, `href="${authorizations}/gongjijin"`);

    for (const id of ['nobody', 'Renshe', 'haochaping']) {
      t.match(await here.request(`${authorizations}/${id}`), { status: 303, to: authorizations }, `nothing for ${id}`);
    }
    t.equal((await here.press(forms, `${authorizations}/nobody`)).status, 404);
    const twice = await here.hidden(`${authorizations}/renshe`);
    const both = await Promise.all(
      [1, 2].map(() =>
        here.request(`${authorizations}/renshe`, {
          method: 'POST',
          headers: { origin: own.issuer },
          body: new URLSearchParams(twice),
        }),
      ),
    );
    t.same(both.map(({ to }) => to).sort(), [authorizations, `${authorizations}?done=withdrawn&client=renshe`].sort());
  });

  await t.test('the notice on the way, switched off and on', async (t) => {
    /** The next visit of a sign-in of its own. */
    const fresh = async (n: number, options?: { skipNotice?: boolean }): Promise<string[]> => {
      const who = new Roamer(own);
      await who.signIn(jia);
      return who.visit(n, options);
    };
    t.same(await fresh(3), ['roaming'], 'the first visit of a sign-in says where it goes');
    t.same(await fresh(3, { skipNotice: true }), ['roaming']);
    t.same(await fresh(3), [], 'straight on');
    t.same(await fresh(2), ['roaming'], 'to this department alone');
    t.match((await here.open(authorizations)).page, /再去时不提示/);

    /** Presses the button of the list, as the page made it. */
    const turn = async (): Promise<string> => {
      const { page } = await here.open(authorizations);
      const form = new RegExp(`action="${authorizations}/yibao/notice[#"][\\s\\S]*?</form>`).exec(page)?.[0] ?? '';
      const fields = [...form.matchAll(/name="([^"]+)" value="([^"]+)"/g)].map(([, name, value]) => [name, value]);
      const { to } = await here.press(forms, `${authorizations}/yibao/notice`, Object.fromEntries(fields));
      return (await here.open(to ?? '')).page;
    };
    await third.signIn(jia);
    t.match(await turn(), /以后去[^<]*医保局，会先提示你/);
    t.notMatch((await here.open(authorizations)).page, /再去时不提示/);
    t.same(await fresh(3), ['roaming'], 'switched on: the next sign-in is told again');
    t.same(await third.visit(3), ['roaming'], 'and so is one that stood already');
    const fourth = new Roamer(own);
    await fourth.signIn(jia);
    t.match(await turn(), /再去时不提示/);
    t.same(await fresh(3), [], 'and off again');
    t.same(await fourth.visit(3), []);
    const other = await here.press(forms, `${authorizations}/yibao/notice`, { notice: 'perhaps' });
    t.equal(other.status, 400, 'on, or off');
  });
});

type Tap = Pick<typeof t, 'ok'>;
