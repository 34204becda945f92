import t from 'tap';
import { messages, password, patientCity, person, Visitor } from '../signin/visitor.ts';
import { until } from '../support/processes.ts';

const fresh = 'seven quiet herons 41';

t.setTimeout(240_000);

/** Forgotten passwords, by the forms alone. */
t.test('a forgotten password', async (t) => {
  const own = await patientCity(t);

  /** Asks for a code of a forgotten password and hands it in. */
  async function prove(visitor: Visitor, mobile: string) {
    await visitor.begin();
    await visitor.see('?way=recover');
    const otp = await visitor.ask(mobile, 'recover', { mobile });
    return visitor.send('code', { otp });
  }
  const told = async (mobile: string): Promise<boolean> =>
    (await messages(own, mobile)).some(
      ({ template, params }) => template === 'notice' && /密码已重设/.test(params.text ?? ''),
    );

  await t.test('of an account without a real name: by SMS alone', async (t) => {
    const yi = person('测试乙', '350299199001010221');
    const before = new Visitor(own);
    await before.register(yi, { realName: false });
    t.ok(await before.isSignedIn(), 'signed in elsewhere');
    const visitor = new Visitor(own);
    const page = await prove(visitor, yi.mobile);
    t.equal(page.title, '设一个新密码', 'no name and no number is asked');
    t.match(page.page, `autocomplete="username" value="${yi.mobile}"`, 'a password manager learns whose it is');
    const short = await visitor.send('new-password', { new_password: 'short' });
    t.equal(short.status, 422, 'the rules of a new password hold');
    t.notMatch(short.page, /value="short"/, 'and it does not come back');
    t.notOk(await told(yi.mobile), 'nothing happened yet');
    const done = await visitor.send('new-password', { new_password: fresh });
    t.equal(done.title, '新密码设好了');
    t.match((await visitor.arrive(await visitor.see('?seen=result'))).page, /154\*{4}0221/, 'signed in here');
    await until(() => told(yi.mobile));
    t.ok(await visitor.isSignedIn(), 'this browser stays');
    await until(async () => !(await before.isSignedIn()));
    t.pass('the other one does not');
    const again = new Visitor(own);
    await again.begin();
    t.equal((await again.byPassword(yi.mobile)).status, 422, 'the old password is over');
    t.equal((await again.byPassword(yi.mobile, fresh)).status, 303, 'the new one holds');
    t.equal((await visitor.send('new-password', { new_password: `${fresh} once more` })).status, 410, 'nothing twice');
  });

  await t.test('of a real-named account: name and number too', async (t) => {
    const leap = person('测试闰日', '350299199202290629');
    const before = new Visitor(own);
    await before.register(leap);
    const visitor = new Visitor(own);
    const page = await prove(visitor, leap.mobile);
    t.equal(page.title, '核对你的姓名和证件号码');
    const malformed = await visitor.send('recover-identity', { full_name: leap.name, id_number: '123' });
    t.equal(malformed.status, 422, 'what is no number is said at once, and costs no try');
    t.match(malformed.page, /请输入 18 位/);
    await visitor.send('recover-identity', { full_name: '测试同名', id_number: leap.number });
    const wrong = await visitor.send('new-password', { new_password: fresh });
    t.equal(wrong.title, '核对你的姓名和证件号码');
    t.match(wrong.page, /没能确认是你本人，今天还可以试 \d 次/, 'never which of the two');
    t.notOk(await told(leap.mobile));
    t.ok(await before.isSignedIn(), 'a wrong answer ends nothing');
    await visitor.send('recover-identity', { full_name: leap.name, id_number: '３５０２９９ 19920229 0629' });
    const done = await visitor.send('new-password', { new_password: fresh });
    t.equal(done.title, '新密码设好了', 'full-width digits and blanks are folded');
    await visitor.arrive(await visitor.see('?seen=result'));
    await until(() => told(leap.mobile));
    await until(async () => !(await before.isSignedIn()));
  });

  await t.test('for a day after it SMS is no second factor', async (t) => {
    const leap = person('测试闰日', '350299199202290629');
    const visitor = new Visitor(own);
    await visitor.begin('urn:egret:r0a2');
    const page = await visitor.byPassword(leap.mobile, fresh);
    const { acr, amr } = await visitor.tokens(page);
    t.same([acr, amr], ['urn:egret:r1a1', ['pwd']], 'the level reached is answered, not the one asked for');
  });

  await t.test('of nobody: the same words, and no message', async (t) => {
    const nobody = '15400009999';
    const visitor = new Visitor(own);
    await visitor.begin();
    await visitor.see('?way=recover');
    const page = await visitor.send('recover', { mobile: nobody });
    t.equal(page.status, 303);
    t.match(page.page, /注册过的话，验证码已发到/);
    t.equal((await visitor.send('code', { otp: '123456' })).status, 422);
    t.same(await messages(own, nobody), []);
    const typed = await new Visitor(own).begin().then(() => page.page);
    t.notMatch(typed, password, 'no password stands in a page');
  });
});
