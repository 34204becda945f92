import t from 'tap';
import { patientCity, person } from '../signin/visitor.ts';
import { Roamer } from './roamer.ts';

const yibao = 3;
// level 1 by the three factors, level 2 at the province
const jia = person('测试甲', '350299199001010117');
const tooLow = '要高级实名才能给。你现在的级别是“初级实名”，这次不问，也不给。';

t.setTimeout(240_000);

t.test('an item that a real-name level is too low for', async (t) => {
  const own = await patientCity(t);
  const basic = new Roamer(own);
  const given = async (who: Roamer): Promise<[granted: boolean, said: string]> => {
    const { page } = await who.open(`${own.portal(yibao)}/`);
    const [, was, said] = /data-item="identity" data-given="(\w+)">([^<]+)</.exec(page) ?? [];
    t.equal(page.includes('收到完整的'), was === 'true', 'the number is there where it was given');
    return [(await who.state(yibao)).session?.scope.includes('identity') ?? false, said ?? ''];
  };
  await basic.join(jia);

  await t.test('at level 1 it is said, neither asked nor given', async (t) => {
    const pages = await basic.visit(yibao, { grant: 'identity' });
    t.ok(pages.includes('consent'), 'and ticked by a form that was never shown');
    t.match(basic.asked, tooLow);
    t.notMatch(basic.asked, /value="identity"/);
    t.match(basic.asked, /value="phone"/, 'the others are asked as ever');
    const over = await basic.open(basic.at);
    t.match(
      over,
      { status: 410, page: /重新开始，去市医保局/ },
      'back to its page: over, and the way to where it went',
    );
    t.match(over.page, `href="${own.portal(yibao)}/"`);
    t.same(await given(basic), [false, '– 没有给：要高级实名']);
    t.notMatch((await basic.open('/account/authorizations')).page, /姓名和完整证件号码/, 'nor is it listed as given');
    t.notOk((await basic.visit(yibao)).includes('consent'), 'once');
  });

  await t.test('the notice on the way says what is received, not what was asked for', async (t) => {
    const again = new Roamer(own);
    await again.signIn(jia);
    const begin = (await again.jar.fetch(`${own.portal(yibao)}/sign-in`)).headers.get('location') ?? '';
    const { page } = await again.open(begin);
    t.match(page, '你的专用编号、实名级别、姓名、打码的证件号码。');
    t.match(page, '不含手机号。', 'which was asked, and not ticked');
    const first = new Roamer(own);
    await first.join(person('测试乙', '350299199001010221'));
    const next = (await first.jar.fetch(`${own.portal(yibao)}/sign-in`)).headers.get('location') ?? '';
    t.match((await first.open(next)).page, '它还想要别的，下一步问你。不问不给。');
  });

  await t.test('at level 2 it is asked for, and given', async (t) => {
    const advanced = new Roamer(own);
    await advanced.signInThroughProvince(jia.number);
    t.ok((await advanced.visit(yibao, { grant: 'identity' })).includes('consent'));
    t.match(advanced.asked, /value="identity"/);
    t.notMatch(advanced.asked, '要高级实名才能给');
    t.same(await given(advanced), [true, '✓ 给了']);
    t.match((await advanced.open('/account/authorizations')).page, /姓名和完整证件号码/);
    t.notOk((await advanced.visit(yibao)).includes('consent'), 'once');
  });

  await t.test('and in the session that stays at level 1, nothing is asked again', async (t) => {
    t.notOk((await basic.visit(yibao)).includes('consent'));
  });
});
