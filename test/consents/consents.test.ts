import t from 'tap';
import { shiftedClock } from '../../src/clock.ts';
import { consentLife, createConsents } from '../../src/consents/consents.ts';
import { world } from '../cli/world.ts';

const accountId = '11111111-2222-4333-8444-555555555555';

t.test('what people agreed to', async (t) => {
  const { db, vault, audit } = await world(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const withdrawn: [string, string][] = [];
  const consents = createConsents({
    database: db,
    audit,
    clock,
    reference: (id) => vault.mac('audit-ref', id),
    onWithdrawn: async (_tx, account, client) => void withdrawn.push([account, client]),
  });
  const given = {
    accountId,
    clientId: 'renshe',
    granted: ['realname', 'phone'],
    declined: ['identity'],
    itemsVersion: 'v1',
    language: 'zh-CN',
  };
  const find = () => consents.find(accountId, 'renshe');

  await t.test('ends by itself half a year after it was given', async (t) => {
    const first = await consents.give(given);
    t.equal(first.givenAt + consentLife > clock.now(), true);
    offset += consentLife - 60_000;
    t.match(await find(), { granted: ['realname', 'phone'] }, 'a minute before');
    offset += 120_000;
    t.equal(await find(), undefined, 'a minute after it is asked for again');
    t.same(await consents.standing(accountId), {});
    t.equal((await consents.give(given)).givenAt > first.givenAt + consentLife, true, 'given again it begins anew');
    t.match(await consents.standing(accountId), { renshe: { declined: ['identity'] } });
    t.same(withdrawn, [], 'which takes nothing away');
  });

  await t.test('is withdrawn with what its caller does, or not at all', async (t) => {
    await t.rejects(
      consents.withdraw(accountId, 'renshe', 'person', async () => {
        throw new Error('the notices could not be written');
      }),
    );
    t.ok(await find(), 'it stands');
    const receipts = await db.sql`select act from consent_receipts order by id`;
    t.same(
      receipts.map(({ act }) => act),
      ['given', 'given'],
    );
    let also = 0;
    const notices = async () => {
      also += 1;
    };
    t.equal(await consents.withdraw(accountId, 'renshe', 'person', notices), true);
    t.equal(await consents.withdraw(accountId, 'renshe', 'person', notices), false, 'once');
    t.equal(also, 1);
    t.equal(await find(), undefined);
  });

  await t.test('the notice is switched without giving anything', async (t) => {
    const off = await consents.setNotice(accountId, 'renshe', true, 'v2');
    t.match(off, { granted: [], declined: [], noticeOff: true }, 'what was withdrawn does not come back by it');
    t.match(await find(), { granted: [], noticeOff: true });
    t.equal(off.givenAt, (await find())?.givenAt);
    await consents.give(given);
    t.match(await find(), { granted: ['realname', 'phone'], noticeOff: true }, 'nor is it forgotten by a consent');
    t.match(await consents.setNotice(accountId, 'renshe', false, 'v2'), {
      granted: ['realname', 'phone'],
      noticeOff: false,
    });
    t.match(await consents.setNotice(accountId, 'yibao', true, 'v1'), { granted: [], noticeOff: true }, 'never asked');
  });

  await t.test('what may be given now: agreed to, in the wording that is shown, and not ended', async (t) => {
    const about = { accountId, clientId: 'renshe' };
    const agreed = (itemsVersion: string, ...scopes: string[]) =>
      db.begin((tx) => consents.agreed(tx, { ...about, itemsVersion }, scopes));
    await consents.give(given);
    t.same(await agreed('v1', 'phone', 'identity'), ['phone'], 'not what was declined');
    t.same(await agreed('v2', 'phone'), [], 'not in another wording');
    const somebody = { ...about, accountId: crypto.randomUUID(), itemsVersion: 'v1' };
    t.same(await db.begin((tx) => consents.agreed(tx, somebody, ['phone'])), [], 'not of who was not asked');
    await consents.withdraw(accountId, 'renshe', 'person');
    t.same(await agreed('v1', 'phone'), []);
    await consents.give({ ...given, itemsVersion: 'v2' });
    t.same(await agreed('v2', 'phone'), ['phone'], 'given anew');
    await consents.setNotice(accountId, 'renshe', true, 'v3');
    t.same(await agreed('v3', 'phone'), [], 'a notice switched off agrees to nothing');
    offset += consentLife + 60_000;
    t.same(await agreed('v2', 'phone'), [], 'past its end');
    await consents.give(given);
  });

  await t.test('narrower than before: what went with it ends', async (t) => {
    const before = withdrawn.length;
    await consents.give({ ...given, granted: ['realname'], declined: ['identity', 'phone'] });
    t.same(withdrawn.slice(before), [[accountId, 'renshe']]);
    await consents.give({ ...given, granted: ['realname', 'phone'] });
    t.equal(withdrawn.length, before + 1, 'and wider ends nothing');
  });

  await t.test('asked for other items, in the same wording: what was answered before stands', async (t) => {
    const before = withdrawn.length;
    await consents.give({ ...given, granted: ['profile'], declined: [] });
    t.match(await find(), { granted: ['profile', 'realname', 'phone'], declined: ['identity'] });
    await consents.give({ ...given, granted: ['identity'], declined: ['profile'] });
    t.match(
      await find(),
      { granted: ['identity', 'realname', 'phone'], declined: ['profile'] },
      'but for what was asked',
    );
    t.equal(withdrawn.length, before + 1, 'which ended');
    await consents.give({ ...given, granted: ['realname'], declined: [], itemsVersion: 'v9' });
    t.match(await find(), { granted: ['realname'], declined: [] }, 'nothing of another wording');
  });

  await t.test('a switched notice brings back nothing that is past its end', async (t) => {
    offset += consentLife + 60_000;
    t.equal(await find(), undefined);
    t.match(await consents.setNotice(accountId, 'renshe', true, 'v10'), {
      granted: [],
      noticeOff: true,
      itemsVersion: 'v10',
    });
    t.match(await find(), { granted: [], noticeOff: true }, 'and is a switch nevertheless');
  });
});
