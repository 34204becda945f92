import { Passer } from '../numbers/passer.ts';
import { mustGoOn } from '../races/citizen.ts';
import { Jar } from '../support/browser.ts';
import { client, redirect } from '../support/op.ts';
import type { Pair, Person } from '../support/pair.ts';
import { until } from '../support/processes.ts';

export const password = 'otter-canal-92-plum';
export const plenty = { count: 1_000_000, seconds: 3_600 };

/** What a test of bad input runs against: PostgreSQL 15, Redis, and caps that no number of requests reaches. */
export const options = {
  engine: 'debian',
  redis: true,
  clients: () => [
    client('public', {
      auth: 'none',
      kind: 'browser',
      grants: ['authorization_code', 'refresh_token'],
      origins: [new URL(redirect).origin],
    }),
  ],
  settings: {
    limits: Object.fromEntries(
      ['sign_in', 'codes', 'registrations', 'real_name'].map((name) => [`${name}_per_address`, plenty]),
    ),
    accounts: {
      resend_after: 1,
      messages_a_day: 100,
      password_tries: 20,
      checks_a_day_account: 100,
      checks_a_day_number: 100,
    },
  },
} as const;

/** A page somebody has come to, in their own browser. */
export interface Stand {
  readonly what: string;
  readonly jar: Jar;
  readonly page: string;
  /** What this person would type; nobody else's would do. */
  readonly typed: Readonly<Record<string, string>>;
}

/**
 * Browsers at every step that has a form, and at every page of somebody who is signed in: whoever attacks a form
 * elsewhere is shown the step they are at, and learns nothing of how it reads its fields.
 */
export async function everyStand(own: Pair): Promise<readonly Stand[]> {
  const people = await own.people(4);
  const [one, two, three, four] = people as [Person, Person, Person, Person];
  const stands: Stand[] = [];
  const typedBy = (person: Person) => ({
    login_id: person.mobile,
    mobile: person.mobile,
    full_name: person.name,
    id_number: person.number,
    card_type: '111',
    agree_terms: 'on',
    otp: '000000',
    password,
    new_password: password,
  });
  const keep = async (what: string, passer: Passer, url: string, person = one): Promise<void> => {
    stands.push({ what, jar: passer.jar, page: (await passer.open(url)).page, typed: typedBy(person) });
  };
  const sent = new Map<string, number>();
  /** Asks for a code, waiting for the second that lies between two, and hands it in. */
  const code = async (passer: Passer, at: string, action: string, person: Person, form = {}, hand = true) => {
    const before = sent.get(person.mobile) ?? 0;
    await until(async () => {
      await passer.send(at, action, form);
      return /action="[^"]+\/code[#"]/.test((await passer.open(at)).page);
    });
    sent.set(person.mobile, before + 1);
    const otp = await own.code(person.mobile, before);
    if (hand) await passer.send(at, 'code', { otp });
  };
  const begin = async (query = '', url = '/account'): Promise<readonly [Passer, string]> => {
    const passer = new Passer(own, new Jar());
    const { at } = await passer.form(url);
    if (query) await passer.open(`${at}?way=${query}`);
    return [passer, at];
  };

  for (const way of ['password', 'sms', 'register', 'recover']) {
    const [passer, at] = await begin(way);
    await keep(way, passer, at, two);
  }
  // two people with accounts, and one whose account is without a name
  const home = new Passer(own, new Jar());
  const account = await home.form('/account');
  await home.open(`${account.at}?way=register`);
  await code(home, account.at, 'register', one, { mobile: one.mobile, agree_terms: 'on' });
  await home.send(account.at, 'method', { new_password: password });
  await home.send(account.at, 'real-name', typedBy(one));
  await until(async () => (await home.open(account.at)).page.includes('?seen'));
  await home.open(mustGoOn(await home.open(`${account.at}?seen=result`)));
  const plain = new Passer(own, new Jar());
  await plain.open(await plain.register(two, '/account', { password }));
  sent.set(two.mobile, 1);

  for (const [what, person] of [
    ['method', three],
    ['real name, and later', four],
  ] as const) {
    const [passer, at] = await begin('register');
    await code(passer, at, 'register', person, { mobile: person.mobile, agree_terms: 'on' });
    if (person === four) await passer.send(at, 'method', { method: 'skip' });
    await keep(what, passer, at, person);
  }
  const [sms, smsAt] = await begin('sms');
  await code(sms, smsAt, 'mobile', two, { mobile: two.mobile }, false);
  await keep('code', sms, smsAt, two);
  const [shared, sharedAt] = await begin('sms');
  await code(shared, sharedAt, 'mobile', one, { mobile: one.mobile }, false);
  await shared.open(`${sharedAt}?shared=yes`);
  await shared.send(sharedAt, 'code', { otp: await own.code(one.mobile, (sent.get(one.mobile) ?? 1) - 1) });
  await keep('identity', shared, sharedAt);
  const [again, againAt] = await begin('register');
  await code(again, againAt, 'register', one, { mobile: one.mobile, agree_terms: 'on' });
  await keep('another', again, againAt);
  for (const [what, person] of [
    ['recover-identity', one],
    ['new-password', two],
  ] as const) {
    const [passer, at] = await begin('recover');
    await code(passer, at, 'recover', person, { mobile: person.mobile });
    await keep(what, passer, at, person);
  }

  // a department that wants two factors
  const strong = new Passer(own, new Jar()).visit('public', { acr_values: 'urn:egret:r0a2' }).url;
  const [second, secondAt] = await begin('password', strong);
  await second.send(secondAt, 'password', { login_id: one.mobile, password });
  await keep('second-factor', second, secondAt);
  const [after, afterAt] = await begin(
    'sms',
    new Passer(own, new Jar()).visit('public', { acr_values: 'urn:egret:r0a2' }).url,
  );
  await code(after, afterAt, 'mobile', one, { mobile: one.mobile });
  await keep('second-password', after, afterAt);

  // who is signed in: on the way to a department, and at home
  const visit = home.visit('public', { scope: 'openid profile' });
  const roaming = await home.form(visit.url);
  await keep('roaming or consent', home, roaming.at);
  const asked = await plain.form(plain.visit('public', { scope: 'openid profile' }).url);
  const agreed = await plain.send(asked.at, 'roaming', { decision: 'continue' });
  await keep('consent', plain, (await plain.form(mustGoOn(agreed))).at, two);
  const settled = new Passer(own, new Jar());
  const door = await settled.form('/account');
  await settled.open(mustGoOn(await settled.send(door.at, 'password', { login_id: one.mobile, password })));
  await settled.arrive(settled.visit('public', { scope: 'openid profile' }).url);
  for (const url of ['/account/sessions', '/account/authorizations', '/account/authorizations/public', '/sign-out'])
    await keep(url, settled, url);
  return stands;
}
