import t from 'tap';
import { jia, world } from './world.ts';

const code = (requestId: string, mobile = jia.mobile, more: object = {}) => ({
  requestId,
  mobile,
  template: 'code',
  params: { code: '482913', minutes: 5 },
  ...more,
});

t.test('a code arrives, once, the latest first', async (t) => {
  const province = await world(t);
  t.match(await province.ask('SMS', code('one')), { code: '0000', isSigned: true, data: { REQUEST_ID: 'one' } });
  t.equal((await province.ask('SMS', code('one'))).code, '0000', 'a repeat is no mistake');
  province.clock.time += 1_000;
  const notice = { requestId: 'two', mobile: '15400000221', template: 'notice', params: { text: '<b>您好</b>' } };
  await province.ask('SMS', notice, { timestamp: province.clock.time });

  const { messages } = (await province.sim('GET', 'inbox.json')).body;
  t.same(
    messages.map(({ mobile }: { mobile: string }) => mobile),
    ['15400000221', jia.mobile],
  );
  t.match(messages[1], { template: 'code', params: { code: '482913' }, text: /^【城市·演示】验证码 482913.*5 分钟/ });
  const only = (await province.sim('GET', `inbox.json?mobile=${jia.mobile}`)).body.messages;
  t.equal(only.length, 1);

  const page = await fetch(`${province.url}/__sim/inbox`).then((response) => response.text());
  t.match(page, /class="strip">演示/);
  t.match(page, /2026-11-24 10:00:01.*154/s, 'in Beijing');
  t.ok(page.indexOf('15400000221') < page.indexOf('class="code">482913'));
  t.match(page, '&#60;b&#62;您好', 'what was written is not markup');
  t.notMatch(page, /<script|http-equiv="refresh"/);
  const filtered = await fetch(`${province.url}/__sim/inbox?mobile=15499999999`).then((response) => response.text());
  t.match(filtered, '还没有短信');
});

t.test('twenty at once with one request id send one', async (t) => {
  const province = await world(t);
  const answers = await Promise.all(Array.from({ length: 20 }, () => province.ask('SMS', code('same'))));
  t.ok(answers.every((answer) => answer.code === '0000'));
  t.equal((await province.sim('GET', 'inbox.json')).body.messages.length, 1);
});

t.test('an answer that was lost: sent all the same, and the repeat sends nothing', async (t) => {
  const province = await world(t);
  const lost = await province.send('SMS', code('lost'), { fault: '503;after=true' });
  t.equal(lost.status, 503);
  t.equal((await province.send('SMS', code('never'), { fault: '503' })).status, 503);
  t.equal((await province.sim('GET', 'inbox.json')).body.messages.length, 1);
  t.equal((await province.ask('SMS', code('lost'))).code, '0000');
  t.equal((await province.sim('GET', 'inbox.json')).body.messages.length, 1);
});

t.test('only to the test segment, and only what a template has', async (t) => {
  const province = await world(t);
  t.match(await province.ask('SMS', code('real', '13800138000')), { code: '2002', msg: /测试号段/ });
  const inbox = (await province.sim('GET', 'inbox.json')).body;
  t.same(inbox, { messages: [], refused: 1 });
  const page = await fetch(`${province.url}/__sim/inbox`).then((response) => response.text());
  t.match(page, '没有收下');
  const everything = page + JSON.stringify((await province.sim('GET', 'ledger')).body);
  t.notMatch(everything, /138(00138000|[*])/, 'nothing of it is kept');

  const wrong = [
    code(''),
    code('two words'),
    code('a', '154'),
    code('b', jia.mobile, { template: 'advert' }),
    code('c', jia.mobile, { params: { code: 'abcd', minutes: 5 } }),
    code('d', jia.mobile, { params: null }),
    code('e', jia.mobile, { template: 'notice', params: { text: 'x'.repeat(501) } }),
  ];
  for (const message of wrong) t.equal((await province.ask('SMS', message)).code, '9999', JSON.stringify(message));
});

t.test('the ledger: what was asked, masked; nothing of a code, a ticket or a token', async (t) => {
  const province = await world(t);
  await province.ask('SMS', code('r-1'));
  await province.ask('062', province.three(jia));
  const { ticket } = await province.signIn({ person: 'jia' });
  const { data } = await province.exchange(ticket);
  await province.ask('X020', { USER_ID: data!.USER_ID, USER_TOKEN: data!.USER_TOKEN });
  await fetch(`${province.url}/somewhere/350299199001010117?m=15400000117`);
  await province.post('/gateway/v2/invoke', 'x'.repeat(300 * 1024));

  const { entries } = (await province.sim('GET', 'ledger')).body;
  const told = entries.map(({ route, service, person, code }: Record<string, string>) => [
    route,
    service,
    person,
    code,
  ]);
  const rpc = 'POST /gateway/v2/invoke';
  t.strictSame(JSON.parse(JSON.stringify(told)), [
    ['POST /sms/send', 'SMS', null, '0000'],
    [rpc, '062', 'jia', '0000'],
    ['POST /dataset/UnifiedController/login.do', 'login', 'jia', null],
    [rpc, '103', 'jia', '0000'],
    [rpc, 'X020', 'jia', '0000'],
    ['GET (a path with a number)', null, null, null],
    [rpc, null, null, null],
  ]);
  t.same(entries[1].asked, { USER_NAME: '测*甲', USER_IDCARD: '350*************17', USER_MOBILE: '154****0117' });
  t.same(entries[0].asked, { requestId: 'r-1', mobile: '154****0117', template: 'code', params: '…' });
  t.same(entries.map((entry: { personalNumberInUrl: boolean }) => entry.personalNumberInUrl).indexOf(true), 5);
  const text = JSON.stringify(entries);
  for (const secret of ['482913', ticket, data!.USER_TOKEN, '350299199001010117', jia.mobile, '测试甲'])
    t.notOk(text.includes(String(secret)), `no ${secret}`);
  t.equal((await province.sim('GET', 'ledger?service=062&caller=EGRET')).body.entries.length, 1);
  await province.sim('DELETE', 'ledger');
  t.equal((await province.sim('GET', 'ledger')).body.entries.length, 0, 'and /__sim/ itself is not in it');
});

t.test('reset forgets all but keys and callers', async (t) => {
  const province = await world(t);
  const { ticket } = await province.signIn({ person: 'jia' });
  await province.ask('SMS', code('r'));
  await province.sim('POST', 'faults', { kind: '500' });
  await province.sim('POST', 'settings', { quota: { calls: 0, perMs: 1_000 } });
  await province.sim('POST', 'people/yi', { level: '3' });
  await province.sim('POST', 'clock', { offsetMs: 5 });
  t.equal((await province.sim('POST', 'reset')).status, 204);
  t.same((await province.sim('GET', 'inbox.json')).body.messages, []);
  t.same((await province.sim('GET', 'ledger')).body.entries, []);
  t.same((await province.sim('GET', 'faults')).body.faults, []);
  t.equal((await province.sim('GET', 'clock')).body.offsetMs, 0);
  t.equal((await province.exchange(ticket)).code, '1201');
  t.equal((await province.sim('GET', 'people')).body.people[1].level, '1');
  await province.ask('SMS', code('r'));
  t.equal((await province.sim('GET', 'inbox.json')).body.messages.length, 1, 'a known request id is a new one');
});

t.test('pages for people', async (t) => {
  const province = await world(t);
  const people = await fetch(`${province.url}/__sim/people`, { headers: { accept: 'text/html' } });
  const text = await people.text();
  for (const word of ['测试人员', '350299199001010117', '阿依·测试', '2104']) t.match(text, word);
  t.equal((await fetch(`${province.url}/`)).url, `${province.url}/__sim/inbox`);
  const missing = await fetch(`${province.url}/nowhere`);
  t.equal(missing.status, 404);
  t.match(await missing.text(), '演示');
  t.match((await fetch(`${province.url}/province.css`)).headers.get('content-type'), 'text/css');
});
