import t from 'tap';
import { fault, type Page, patientCity, person, Visitor } from '../signin/visitor.ts';
import { until } from '../support/processes.ts';

t.setTimeout(240_000);

/** What a refusal of the province looks like in the browser: its words, its status, its way on, and whether it counts. */
t.test('codes of the province on the page', async (t) => {
  const own = await patientCity(t);
  const settings = async (body: object): Promise<void> => {
    const answer = await fetch(`${own.province}/__sim/settings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`settings: ${answer.status}`);
  };
  /** A registration up to its last step. */
  const draft = async (mobile: string, form: Record<string, string> = { method: 'skip' }): Promise<Visitor> => {
    const visitor = new Visitor(own);
    await visitor.begin();
    await visitor.see('?way=register');
    const otp = await visitor.ask(mobile, 'register', { mobile, agree_terms: 'on' });
    await visitor.send('code', { otp });
    await visitor.send('method', form);
    return visitor;
  };
  /** Its answer, also where the machine is so busy that a page says meanwhile what it waits for. */
  const check = async (visitor: Visitor, who: ReturnType<typeof person>): Promise<Page> => {
    let page = await visitor.send('real-name', { full_name: who.name, id_number: who.number });
    await until(async () => {
      if (page.title === '正在等省平台回应') page = await visitor.see();
      return page.title !== '正在等省平台回应';
    });
    return page;
  };
  const retryAfter = async (visitor: Visitor, who: ReturnType<typeof person>): Promise<number> => {
    const token = /name="form_token" value="([^"]+)"/.exec((await visitor.see('?again=yes')).page)?.[1] ?? '';
    const answer = await visitor.jar.fetch(`${visitor.at}/real-name`, {
      method: 'POST',
      body: new URLSearchParams({ form_token: token, full_name: who.name, id_number: who.number }),
      headers: { origin: own.issuer },
    });
    await answer.arrayBuffer();
    return Number(answer.headers.get('retry-after'));
  };

  await t.test('3002, the same person too often: later, and when; not an outage, and no try is lost', async (t) => {
    const leap = person('测试闰日', '350299199202290629');
    await settings({ samePerson: { calls: 0, perMs: 1_000 } });
    const visitor = await draft(leap.mobile);
    const page = await check(visitor, leap);
    t.equal(page.status, 429);
    t.match(page.page, /EG-P3002/);
    t.match(page.page, /这一项刚核对过好几次，请过一段时间再试，也可以到窗口核对/);
    t.match(page.page, /没有扣次数/);
    t.match(page.page, /之后/, 'it says from when on');
    t.notMatch(page.page, /连不上/);
    const wait = await retryAfter(visitor, leap);
    t.ok(wait > 3_000 && wait <= 3_600, `Retry-After: ${wait}`);
    await settings({ samePerson: { calls: 1_000, perMs: 3_600_000 } });
    // our side backs off for some seconds; then all three tries are there
    const wrong = { ...leap, name: '测试同名' };
    let later = await check(visitor, wrong);
    await until(async () => {
      if (later.status === 429) later = await check(visitor, wrong);
      return later.status !== 429;
    }, 60_000);
    t.match(later.page, /三项信息不一致，请核对后再试，今天还可以试 2 次/);
  });

  await t.test('2501 and 2502, locked and cancelled: their own words', async (t) => {
    for (const [who, code, said] of [
      [person('测试二五零一', '350299199002029127'), 'EG-P2501', /请过一段时间再试，也可以到窗口核对/],
      [person('测试二五零二', '350299199002029135'), 'EG-P2502', /已经注销，请到窗口核对/],
    ] as const) {
      const visitor = await draft(who.mobile);
      const page = await check(visitor, who);
      t.equal(page.status, 403, code);
      t.equal(page.title, '现在不能在网上核对');
      t.match(page.page, new RegExp(code));
      t.match(page.page, said);
      t.match(page.page, /去窗口办/);
      t.match((await visitor.arrive(await visitor.send('later'))).page, /我的账号|154\*{4}/, 'and it goes on without');
    }
  });

  await t.test('a password that contains the number: back to the step that chooses it', async (t) => {
    const rare = person('测试𠮷', '350299198508086060');
    const visitor = await draft(rare.mobile, { new_password: `otter ${rare.number.slice(-6)} canal 7` });
    const page = await check(visitor, rare);
    t.match(page.page, /name="new_password"/, 'another one can be chosen');
    t.match(page.page, /密码里不要有自己的姓名、手机号、证件号或生日/);
    await visitor.send('method', { new_password: 'otter-canal-92-plum' });
    t.match((await check(visitor, rare)).title, /实名通过/);
  });

  await t.test('a password that is the number, set before the name was asked', async (t) => {
    const ayi = person('阿依·测试', '350299198509097079');
    const visitor = await draft(ayi.mobile, { new_password: ayi.number });
    await visitor.arrive(await visitor.send('later'));
    t.equal((await visitor.begin('urn:egret:r1a1')).title, '证实是你本人');
    const page = await check(visitor, ayi);
    t.equal(page.status, 400);
    t.equal(page.title, '先换一个密码');
    t.match(page.page, /\?way=recover"/);
    t.match((await visitor.see('?way=recover')).page, /name="mobile"/, 'it leads to another one');
  });

  await t.test('9003 and the like, nobody answers: 503, later, the local ways unharmed', async (t) => {
    const yi = person('测试乙', '350299199001010221');
    const visitor = await draft(yi.mobile);
    const mend = await fault(own, { kind: '503', service: '062' });
    const page = await check(visitor, yi);
    t.equal(page.status, 503);
    t.match(page.page, /EG-P9001/);
    t.match(page.page, /没有扣次数/);
    t.ok((await retryAfter(visitor, yi)) > 0);
    await mend();
  });
});
