import t from 'tap';
import { counterKey } from '../../src/accounts/budgets.ts';
import { meanings } from '../../src/bridge/bridge.ts';
import { catalogue } from '../../src/errors.ts';
import { ask, day, granted, minute, otherPassword, people, register, visitor, world } from './setup.ts';

const { jia, yi } = people;
const identityOf = ({ name, idNumber }: { name: string; idNumber: string }) => ({ name, idNumber });

/**
 * Every code of PROVINCE.md section 5 as an answer to the three-factor check, written by hand: what the citizen is led
 * to, the code on the page, its HTTP status, whether the try stays counted, and after how many minutes another one is
 * worth it. 12xx, 13xx and 24xx say nothing about three factors: the bridge answers 9999 for them.
 */
const told: [code: string, reason: string, shown: string, status: number, counted: boolean, minutes?: number][] = [
  ['1001', 'province-unreachable', 'EG-P1001', 503, false],
  ['1002', 'province-unreachable', 'EG-P1002', 503, false],
  ['1003', 'province-unreachable', 'EG-P1003', 503, false],
  ['1101', 'province-unreachable', 'EG-P1101', 503, false],
  ['1102', 'province-unreachable', 'EG-P1102', 503, false],
  ['1103', 'province-unreachable', 'EG-P1103', 503, false],
  ['1104', 'province-unreachable', 'EG-P1104', 503, false],
  ['1105', 'province-unreachable', 'EG-P1105', 503, false],
  ['1201', 'province-unreachable', 'EG-P9999', 503, false],
  ['1202', 'province-unreachable', 'EG-P9999', 503, false],
  ['1203', 'province-unreachable', 'EG-P9999', 503, false],
  ['1204', 'province-unreachable', 'EG-P9999', 503, false],
  ['1301', 'province-unreachable', 'EG-P9999', 503, false],
  ['1302', 'province-unreachable', 'EG-P9999', 503, false],
  ['2001', 'details-differ', 'EG-1301', 422, true],
  ['2002', 'details-differ', 'EG-1301', 422, true],
  ['2003', 'details-differ', 'EG-1301', 422, true],
  ['2004', 'details-differ', 'EG-P2004', 422, true],
  ['2101', 'other-way', 'EG-P2101', 422, false],
  ['2102', 'other-way', 'EG-P2102', 422, false],
  ['2103', 'other-way', 'EG-P2103', 422, false],
  ['2104', 'other-way', 'EG-P2104', 422, false],
  ['2201', 'counter', 'EG-1305', 403, true],
  ['2202', 'counter', 'EG-1305', 403, true],
  ['2203', 'counter', 'EG-1305', 403, true],
  ['2204', 'counter', 'EG-1305', 403, true],
  ['2301', 'minor', 'EG-1304', 403, true],
  ['2401', 'province-unreachable', 'EG-P9999', 503, false],
  ['2402', 'province-unreachable', 'EG-P9999', 503, false],
  ['2403', 'province-unreachable', 'EG-P9999', 503, false],
  ['2404', 'province-unreachable', 'EG-P9999', 503, false],
  ['2405', 'province-unreachable', 'EG-P9999', 503, false],
  ['2501', 'blocked', 'EG-P2501', 403, true],
  ['2502', 'blocked', 'EG-P2502', 403, true],
  ['3001', 'province-later', 'EG-P3001', 503, false, 5],
  ['3002', 'province-later', 'EG-P3002', 429, false, 60],
  ['9001', 'province-unreachable', 'EG-P9001', 503, false],
  ['9002', 'province-unreachable', 'EG-P9002', 503, false],
  ['9003', 'province-unreachable', 'EG-P9003', 503, false],
  ['9999', 'province-unreachable', 'EG-P9999', 503, false],
];

t.test('what the province says, and what the citizen is told', async (t) => {
  const w = await world(t, { checksADayAccount: 100, checksADayNumber: 100 });
  const id = await register(w, jia, { realName: false });
  t.same(told.map(([code]) => code).sort(), Object.keys(meanings).sort(), 'every code has its line');
  const used = async () => {
    const rows = await w.database.sql<{ n: number }[]>`select cardinality(uses) as n from budgets where key in (
      ${counterKey('check-number', w.vault.blindIndex('id-number', yi.idNumber))},
      ${counterKey('check-number-all', w.vault.blindIndex('id-number', yi.idNumber))},
      ${counterKey('check-account', Buffer.from(id))}, ${counterKey('check-mobile', w.vault.blindIndex('mobile', jia.mobile))})`;
    return [...new Set(rows.map((row) => row.n))];
  };
  let count = 0;
  for (const [code, reason, shown, status, counted, minutes] of told) {
    w.answers.set(yi.idNumber, code);
    const outcome = await w.accounts.provideRealName(id, identityOf(yi));
    if (outcome.ok) throw new Error(`${code} passed`);
    t.match(outcome, { reason, code: shown }, `${code}: ${reason} ${shown}`);
    t.equal(catalogue[outcome.code].status, status, `${code}: HTTP ${status}`);
    t.equal(outcome.provinceCode, shown.startsWith('EG-P') ? shown : `EG-P${code}`, `${code}: the province's own`);
    t.equal(outcome.givenBack, counted ? undefined : true);
    t.equal(outcome.until !== undefined, minutes !== undefined);
    if (minutes !== undefined) {
      const wait = (outcome.until ?? 0) - w.clock.now();
      t.ok(wait > (minutes - 1) * minute && wait <= minutes * minute, `${code}: later, and when`);
    }
    if (counted) count++;
    t.same(await used(), [count], `${code}: ${counted ? 'counted' : 'given back'}, in every budget`);
    const [event] = (await w.events()).slice(-1);
    t.match(event, { type: 'real-name.checked', outcome: 'refused', detail: { provinceCode: outcome.provinceCode } });
  }
  t.match(await w.accounts.accountForClaims(id), { level: 0 }, 'nothing claims a level that was not checked');
  w.answers.set(yi.idNumber, 'ok');
  t.match(await w.accounts.provideRealName(id, identityOf(yi)), { ok: true, level: 1 });
});

t.test('caps bound guessing, and whom the number belongs to still gets in', async (t) => {
  const w = await world(t);
  const home = visitor();
  const id = await register(w, yi, { who: home });
  w.move(91 * day);
  const before = w.asked.length;
  for (const mobile of ['15400004210', '15400004211', '15400004212']) {
    const stranger = await register(w, { ...jia, mobile }, { realName: false, password: null });
    for (let turn = 0; turn < 4; turn++)
      await w.accounts.provideRealName(stranger, { name: `测试${'丙丁庚辛'[turn]}`, idNumber: yi.idNumber });
  }
  t.equal(w.asked.length - before, 4, 'strangers, signed in or not, have nothing of what is kept of the five');
  // the account that holds the number, in a browser nobody knows
  const owner = visitor();
  const first = await w.accounts.signInWithSms({ ...owner, ...(await ask(w, owner, 'sign-in', yi.mobile)) });
  const proof = (!first.ok && first.proof) || '';
  t.match(await w.accounts.signInWithIdNumber({ ...owner, proof, idNumber: yi.idNumber }), {
    signIn: { accountId: id },
  });
  t.equal(w.asked.length - before, 5, 'it was asked about');
  const late = await register(w, { ...jia, mobile: '15400004400' }, { realName: false, password: null });
  t.match(await w.accounts.provideRealName(late, identityOf(yi)), { reason: 'checks-used-up', until: Number });
  t.equal(w.asked.length - before, 5, 'five a day');
});

t.test('a password that is the ID number, found when the number is', async (t) => {
  const w = await world(t);
  for (const [person, secret] of [
    [jia, jia.idNumber],
    [people.check, '35029919880808004x'],
  ] as const) {
    const id = await register(w, person, { realName: false, password: secret });
    const refused = await w.accounts.provideRealName(id, identityOf(person));
    t.match(refused, { reason: 'password-own', code: 'EG-1107' }, secret.slice(-1));
    t.match(await w.accounts.accountForClaims(id), { level: 0 });
    const who = visitor();
    const { proof } = granted(
      await w.accounts.proveForRecovery({ ...who, ...(await ask(w, who, 'recover', person.mobile)) }),
    );
    granted(await w.accounts.recover({ ...who, proof, newPassword: otherPassword }));
    t.match(
      await w.accounts.provideRealName(id, identityOf(person)),
      { ok: true, level: 1 },
      'with another one it goes on',
    );
  }
});
