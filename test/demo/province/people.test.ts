import t from 'tap';
import { isResidentNumber } from '../../../src/demo/province/people/identifiers.ts';
import { mobileOf, table } from '../../../src/demo/province/people/table.ts';
import { sm3 } from './client.ts';
import { jia, returnUrl, type World, world, yi } from './world.ts';

/**
 * What each row does, written by hand: the code of 062 when all three are right, the code of 103, the level. `slow` and
 * `hang` are tried apart. A row that is in one table only fails.
 */
const rows: Record<string, [checked: string, exchanged: string, level: string]> = {
  jia: ['0000', '0000', '2'],
  yi: ['0000', '0000', '1'],
  bing: ['0000', '0000', '1'],
  xiaoding: ['2301', '2301', '0'],
  wu: ['0000', '0000', '1'],
  leap: ['0000', '0000', '1'],
  'check-x': ['0000', '0000', '1'],
  '2001': ['2001', '0000', '1'],
  '2002': ['2002', '0000', '1'],
  '2003': ['2003', '0000', '1'],
  '2004': ['0000', '0000', '1'],
  '2101': ['0000', '0000', '1'],
  '2102': ['0000', '0000', '1'],
  '2103': ['0000', '0000', '1'],
  '2104': ['0000', '0000', '1'],
  '2201': ['2201', '2201', '1'],
  '2202': ['2202', '2202', '1'],
  '2203': ['2203', '2203', '1'],
  '2501': ['2501', '2501', '1'],
  '2502': ['2502', '2502', '1'],
  slow: ['plays', 'plays', '1'],
  hang: ['plays', 'plays', '1'],
  'hong-kong': ['0000', '0000', '2'],
  macao: ['0000', '0000', '2'],
  taiwan: ['0000', '0000', '2'],
  foreign: ['0000', '0000', '2'],
  'same-name-1': ['0000', '0000', '1'],
  'same-name-2': ['0000', '0000', '1'],
  'one-mobile-1': ['0000', '0000', '1'],
  'one-mobile-2': ['0000', '0000', '1'],
  'two-accounts-1': ['0000', '0000', '2'],
  'two-accounts-2': ['0000', '0000', '1'],
  rare: ['0000', '0000', '1'],
  ayi: ['0000', '0000', '1'],
  'new-name': ['0000', '0000', '1'],
  'new-mobile': ['0000', '0000', '1'],
};
const kinds: Record<string, string> = { 'hong-kong': '516', macao: '516', taiwan: '511', foreign: '553' };
const silent = ['slow', 'hang'];
const row = (key: string) => table.find((one) => one.key === key)!;

t.test('every row, over the wire', async (t) => {
  const province = await world(t);
  t.same(Object.keys(rows).sort(), table.map(({ key }) => key).sort(), 'no row is forgotten');

  for (const [key, [checked, exchanged, level]] of Object.entries(rows)) {
    if (silent.includes(key)) continue;
    const person = row(key);
    const three = province.three(person);

    const check = await province.ask('062', three);
    t.equal(check.code, checked, `062 ${key}`);
    t.ok(check.isSigned && check.success === (checked === '0000'), key);
    const digest = sm3(`${person.name}|${person.number}|${person.mobile}`);
    t.same(check.data, checked === '0000' ? { RESULT: '1', PERSON_DIGEST: digest } : undefined, key);

    // Who does not know all three learns nothing of the state.
    const otherName = await province.ask('062', { ...three, USER_NAME: '测试别人' });
    t.equal(otherName.code, ['2002'].includes(checked) ? checked : '2001', `${key} by another name`);
    const otherMobile = await province.ask('062', { ...three, USER_MOBILE: '15499999999' });
    t.equal(otherMobile.code, ['2001', '2002'].includes(checked) ? checked : '2003', `${key} with another mobile`);

    const { ticket } = await province.signIn({ person: key });
    const record = await province.exchange(ticket);
    t.equal(record.code, exchanged, `103 ${key}`);
    if (exchanged !== '0000') continue;
    t.match(record.data, {
      USER_TYPE: '1',
      USER_NAME: person.name,
      USER_IDCARD: person.number,
      USER_MOBILE: person.mobile,
      USER_AUTHLEVEL: level,
      CARD_TYPE: kinds[key] ?? '111',
      TICKET_DIGEST: sm3(ticket),
    });
    const { USER_ID, USER_TOKEN } = record.data!;
    const asked = await province.ask('X020', { USER_ID, USER_TOKEN });
    t.same(asked.data, { USER_ID, USER_AUTHLEVEL: level }, `X020 ${key}`);
  }
});

t.test('the slow one and the one that hangs', async (t) => {
  const province = await world(t);
  t.match(row('slow').plays, { kind: 'latency', ms: 8_000 });
  for (const key of silent) {
    const { ticket } = await province.signIn({ person: key });
    for (const [service, data] of [
      ['062', province.three(row(key))],
      ['103', { TRUST_TICKET: ticket, RETURN_URL: returnUrl }],
    ] as const) {
      const patience = new AbortController();
      const answer = province.send(service, data, { signal: patience.signal });
      const entry = await played(province, key, service);
      t.equal(entry.fault, row(key).plays!.kind);
      patience.abort();
      await t.rejects(answer, { name: 'AbortError' }, `${service} ${key}`);
    }
    const sms = await province.ask('SMS', message(row(key).mobile));
    t.equal(sms.code, '0000', 'their telephones work');
  }
  // A fault of the test goes before what the person does by itself.
  await province.sim('POST', 'faults', { kind: 'latency', ms: 1, person: 'hang' });
  t.equal((await province.ask('062', province.three(row('hang')))).code, '0000', 'then it is an ordinary person');
});

const message = (mobile: string) => ({
  requestId: `r-${mobile}`,
  mobile,
  template: 'notice',
  params: { text: '测试' },
});

async function played(province: World, person: string, service: string) {
  for (;;) {
    const { body } = await province.sim('GET', `ledger?service=${service}`);
    const entry = body.entries.find((one: { person?: string }) => one.person === person);
    if (entry) return entry;
  }
}

t.test('numbers however they are typed', async (t) => {
  const province = await world(t);
  const person = row('check-x');
  for (const number of ['35029919880808004x', '３５０２９９１９８８０８０８００４Ｘ', ' 350299 198808080 04X']) {
    const check = await province.ask('062', { ...province.three(person), USER_IDCARD: number });
    t.equal(check.code, '0000', number);
    t.equal(check.data!.PERSON_DIGEST, sm3(`${person.name}|${number}|${person.mobile}`), 'about what was asked');
  }
});

t.test('nobody real: the guard', async (t) => {
  const province = await world(t);
  for (const number of ['11010519491231002X', '350203199001010119', 'ABC123456789012']) {
    const check = await province.ask('062', { ...province.three(jia), USER_IDCARD: number });
    t.match(check, { success: false, code: '2002', msg: /测试号段/ }, number);
    const { response } = await province.signIn({ number });
    t.equal(response.status, 422);
    t.match(await response.text(), '不在测试号段');
  }
  const typo = await province.ask('062', { ...province.three(jia), USER_IDCARD: '350299199001010118' });
  t.match(typo, { code: '2002', msg: '没有这个号码' }, 'a typing mistake inside the space is nobody');
  const ledger = JSON.stringify((await province.sim('GET', 'ledger')).body);
  t.notMatch(ledger, /110105|350203|350\*+19|ABC1/, 'nothing of a refused number is kept');
  for (const change of [{ name: '张三' }, { mobile: '13800138000' }, { level: '4' }, { number: jia.number }])
    t.equal((await province.sim('POST', 'people/jia', change)).status, 400, JSON.stringify(change));
});

t.test('one name, one mobile, two accounts', async (t) => {
  const province = await world(t);
  const ids = new Set<unknown>();
  for (const key of ['two-accounts-1', 'two-accounts-2']) {
    const { data } = await province.exchange((await province.signIn({ person: key })).ticket);
    t.equal(data!.USER_IDCARD, row('two-accounts-1').number);
    ids.add(data!.USER_ID);
  }
  t.equal(ids.size, 2);
  const crossed = { ...province.three(row('one-mobile-2')), USER_NAME: row('one-mobile-1').name };
  t.equal((await province.ask('062', crossed)).code, '2001', 'a shared mobile is no proof');
  const swapped = { ...province.three(row('same-name-1')), USER_MOBILE: row('same-name-2').mobile };
  t.equal((await province.ask('062', swapped)).code, '2003', 'nor is a shared name');
});

t.test('changes at the platform: a name, a mobile, a level', async (t) => {
  const province = await world(t);
  const login = async (person: string) => (await province.exchange((await province.signIn({ person })).ticket)).data!;
  const before = await login('new-mobile');
  await province.sim('POST', 'people/new-mobile/later');
  const after = await login('new-mobile');
  t.equal(after.USER_ID, before.USER_ID, 'the same account');
  t.equal(after.USER_MOBILE, row('new-mobile').later!.mobile);
  t.equal((await province.ask('062', province.three(row('new-mobile')))).code, '2003', 'the old one is over');

  await province.sim('POST', 'people/new-name/later');
  t.equal((await province.ask('062', province.three(row('new-name')))).code, '2001');
  t.equal((await province.ask('062', { ...province.three(row('new-name')), USER_NAME: '测试新名' })).code, '0000');
  await province.sim('DELETE', 'people/new-name');
  t.equal((await province.ask('062', province.three(row('new-name')))).code, '0000', 'undone');
  t.equal((await province.sim('POST', 'people/jia/later')).status, 404, 'nothing changes about her');
  t.equal((await province.sim('POST', 'people/nobody', { level: '1' })).status, 404);

  await province.sim('POST', 'people/yi', { level: '0' });
  const unknown = await login('yi');
  t.match(unknown, { USER_AUTHLEVEL: '0', USER_NAME: '', USER_IDCARD: '', USER_MOBILE: yi.mobile }, 'a mobile only');
});

t.test('a child grows up by the settable clock', async (t) => {
  const province = await world(t);
  const ask = () => province.ask('062', province.three(row('xiaoding')), { timestamp: province.clock.now() });
  t.equal((await ask()).code, '2301');
  province.clock.time = Date.UTC(2030, 5, 1, 0, 0);
  // The platform's keys have three years: a start makes new ones, here it is told to.
  await province.sim('POST', 'keys/roll');
  t.equal((await ask()).code, '0000');
});

t.test('the pool: known to 062 and to the login page', async (t) => {
  const province = await world(t);
  const { body } = await province.sim('GET', 'pool?n=3&from=41');
  t.equal(body.people.length, 3);
  for (const person of body.people) {
    t.ok(isResidentNumber(person.number) && person.mobile !== mobileOf(person.number));
    t.equal((await province.ask('062', province.three(person))).code, '0000');
    const record = await province.exchange((await province.signIn({ number: person.number })).ticket);
    t.match(record.data, { USER_ID: person.userId, USER_NAME: person.name });
  }
  t.notMatch(JSON.stringify((await province.sim('GET', 'ledger')).body), body.people[0].number.slice(6, 14));
  for (const bad of ['n=0', 'n=10001', 'from=-1', 'from=99999999', 'n=x'])
    t.equal((await province.sim('GET', `pool?${bad}`)).status, 400, bad);
});

t.test('the record: over a hundred fields, most of them none of a caller’s business', async (t) => {
  const province = await world(t);
  const { data } = await province.exchange((await province.signIn({ person: 'jia' })).ticket);
  t.ok(Object.keys(data!).length > 100);
  t.match(data, { USER_PASSWORD: /^[0-9a-f]{32}$/, LEGALPERSON_COMPANYNAME: '', POPULATION_BIRTHDAY: '1990-01-01' });
  t.ok(JSON.stringify(data).length < 16_000);
});

t.test('too often: 3002 for one person, 3001 for a caller', async (t) => {
  const province = await world(t);
  const check = (person = jia) => province.ask('062', province.three(person));
  await province.sim('POST', 'settings', { samePerson: { calls: 2, perMs: 60_000 } });
  t.same([(await check()).code, (await check()).code, (await check()).code], ['0000', '0000', '3002']);
  t.equal((await check(yi)).code, '0000', 'another person is not held up');
  province.clock.time += 60_001;
  t.equal((await check()).code, '0000', 'a minute later');

  await province.sim('POST', 'settings', { quota: { calls: 1, perMs: 60_000 } });
  await province.sim('POST', 'clock', { offsetMs: 120_000 });
  const later = { timestamp: province.clock.time + 120_000 };
  t.equal((await province.ask('062', province.three(yi), later)).code, '0000');
  t.equal((await province.ask('062', province.three(yi), later)).code, '3001');
  t.equal((await province.ask('X090', {}, later)).code, '0000', 'health has no quota');
  for (const bad of [{ quota: 1 }, { quota: { calls: -1, perMs: 1 } }, { other: 1 }, []])
    t.equal((await province.sim('POST', 'settings', bad)).status, 400, JSON.stringify(bad));
});
