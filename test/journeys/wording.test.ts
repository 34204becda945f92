import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { runner } from '../cli/world.ts';
import { onward, patientCity, person } from '../signin/visitor.ts';
import { pkce } from '../support/browser.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { patience, Roamer } from './roamer.ts';

/** A department says otherwise what it wants the data for: 《个人信息保护法》第十四条, consent anew. */
t.setTimeout(240_000);

const redirect = 'http://127.0.0.1:9/callback';
const text = (zh: string) => ({ zh, en: zh });
const item = (scope: string, group: string, purpose: string) => ({
  scope,
  group,
  purpose: text(purpose),
  without: text('到窗口办。'),
  basis: text('测试依据'),
});
const definition = (purpose: string, more: object[] = []) => ({
  client_id: 'shequ',
  name: text('测试社区'),
  department: { ...text('测试社区服务中心'), seal: '社' },
  kind: 'browser',
  sector: 'shequ.test',
  auth: 'none',
  redirect_uris: [redirect],
  home: 'http://127.0.0.1:9/',
  scopes: ['openid', 'profile', 'realname', 'phone'],
  grants: ['authorization_code', 'refresh_token'],
  session_minutes: 30,
  items: [item('realname', 'told', '确认是本人。'), item('profile', 'asked', purpose), ...more],
});

t.test('a consent in another wording', async (t) => {
  const own = await patientCity(t);
  const egret = runner(t, {
    EGRET_DATA: own.data,
    EGRET_KEY_FILE: join(own.data, 'keys', 'key-encryption.key'),
    EGRET_BASE_PORT: String(own.base),
  });
  const file = join(scratch(t, 'wording'), 'shequ.yaml');
  const apply = async (...args: Parameters<typeof definition>): Promise<string> => {
    writeFileSync(file, stringify(definition(...args)));
    const { out, err } = await egret(`clients apply ${file}`);
    return out + err;
  };

  interface Visited {
    readonly pages: string[];
    /** The consent page, where there was one. */
    readonly shown: string;
    readonly error: string | null;
    readonly tokens: Record<string, string>;
  }
  const token = async (form: Record<string, string>): Promise<Record<string, string>> => {
    const body = new URLSearchParams({ client_id: 'shequ', ...form });
    return (await fetch(`${own.issuer}/token`, { method: 'POST', body })).json() as Promise<Record<string, string>>;
  };
  const renew = ({ refresh_token = '' }: Record<string, string>) =>
    token({ grant_type: 'refresh_token', refresh_token });
  const told = async ({ access_token }: Record<string, string>): Promise<string[]> => {
    const answer = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } });
    return answer.status === 200 ? Object.keys((await answer.json()) as object).sort() : [`${answer.status}`];
  };
  const listed = async (who: Roamer): Promise<string> => (await who.open('/account/authorizations')).page;
  /** One request of the department, to its answer there. */
  const visit = async (who: Roamer, more: Record<string, string> = {}, decision = 'agree'): Promise<Visited> => {
    const { verifier, challenge } = pkce();
    const query = {
      client_id: 'shequ',
      redirect_uri: redirect,
      response_type: 'code',
      scope: 'openid profile realname',
    };
    const asked = { ...query, code_challenge: challenge, code_challenge_method: 'S256', ...more };
    let target = `${own.issuer}/authorize?${new URLSearchParams(asked)}`;
    const pages: string[] = [];
    let shown = '';
    for (let step = 0; step < 5; step++) {
      const { answer, to } = target.startsWith(redirect) ? { to: target } : await who.jar.follow(target);
      if (to) {
        const back = new URL(to).searchParams;
        const redeem = { grant_type: 'authorization_code', code_verifier: verifier, redirect_uri: redirect };
        const code = back.get('code');
        return { pages, shown, error: back.get('error'), tokens: code ? await token({ ...redeem, code }) : {} };
      }
      const page = (await answer?.text()) ?? '';
      const [, uid, kind = ''] = /action="\/signin\/([\w-]+)\/(consent|roaming)/.exec(page) ?? [];
      who.at = `${own.issuer}/signin/${uid}`;
      pages.push(kind);
      if (kind === 'consent') shown = page;
      const form: Record<string, string> = kind === 'consent' ? { decision, grant: 'asked' } : { decision: 'continue' };
      target = new URL(onward(await who.send(kind, form)), own.issuer).href;
    }
    throw new Error(`no way to the department: ${pages}`);
  };

  t.match(await apply('页面上称呼你。'), /shequ +new/);
  const who = person('测试甲', '350299199001010117');
  const [here, there] = [new Roamer(own), new Roamer(own)];
  await here.join(who);
  let first: Visited | undefined;
  await until(async () => {
    first = await visit(here).catch(() => undefined); // the gateway follows within a second
    return first !== undefined;
  }, patience);
  t.ok(first?.pages.includes('consent'));
  await there.signIn(who);
  t.notOk((await visit(there)).pages.includes('consent'), 'it stands in every session');
  const elsewhere = await visit(there);
  const everything = [
    'nickname',
    'realname_id_masked',
    'realname_level',
    'realname_name',
    'sub',
    'updated_at',
    'user_type',
  ];
  let before = first?.tokens ?? {};
  t.same(await told(before), everything);
  t.notMatch(await listed(here), '改了说明');

  const none = async (at: Roamer) => (await visit(at, { prompt: 'none' })).error;
  t.equal(await none(here), null);
  t.match(await apply('把你的名字写进邻里通讯录。'), /shequ +changed +items/);
  await until(async () => (await none(here)) === 'consent_required', patience);

  await t.test('until it is given anew: nothing of the person, by no token', async (t) => {
    t.same(await told(before), ['sub', 'user_type'], 'a token of before');
    before = await renew(before);
    t.ok(before.refresh_token, 'a refresh goes on');
    t.same(await told(before), ['sub', 'user_type'], 'and tells who it is, by the pseudonym alone');
    t.same(await told(elsewhere.tokens), ['sub', 'user_type'], 'in every session');
    t.equal((await visit(here, { prompt: 'none', scope: 'openid' })).error, null, 'a visit that asks nothing goes on');
  });

  await t.test('which the account centre says', async (t) => {
    const page = await listed(here);
    t.match(page, '测试社区后来改了说明，下次去会重新问你。在那之前，这些信息它都取不到。');
    t.match(page, '/account/authorizations/shequ', 'and it can be withdrawn');
  });

  await t.test('declined: asked again, and still nothing', async (t) => {
    const declined = await visit(here, {}, 'decline');
    t.match(declined, { pages: ['consent'], error: 'access_denied' });
    t.match(declined.shown, '把你的名字写进邻里通讯录。', 'the new words');
    t.match(declined.shown, '确认是本人。', 'and what did not change');
    t.match(declined.shown, '测试社区后来改了说明，所以再问你', 'and why it is asked again');
    t.notMatch(first?.shown ?? '', '后来改了说明');
    t.notMatch(declined.shown, / checked/, 'nothing is ticked beforehand');
    t.same(await told(before), ['sub', 'user_type']);
    t.equal(await none(here), 'consent_required');
  });

  await t.test('given anew: once, for every session', async (t) => {
    const again = await visit(here);
    t.match(again, { pages: ['consent'], error: null });
    t.same(await told(again.tokens), everything);
    t.notMatch(await listed(here), '改了说明');
    t.same((await visit(here)).pages, [], 'the visit after asks nothing');
    t.equal(await none(there), null, 'a session that holds the old one finds the new one');
    t.same(await told(before), everything, 'what was given before counts by the new answer');
    t.same(await told(await renew(before)), everything);
  });

  await t.test('an item more in the list, though this request does not ask it', async (t) => {
    t.match(
      await apply('把你的名字写进邻里通讯录。', [item('phone', 'sensitive', '发短信告诉你。')]),
      /changed +items/,
    );
    await until(async () => (await none(there)) === 'consent_required', patience);
    t.same((await visit(there)).pages, ['consent']);
    t.equal(await none(here), null);
  });

  const latest = () => ({
    ...definition('把你的名字写进邻里通讯录。', [item('phone', 'sensitive', '发短信告诉你。')]),
    matter: text('办理居住登记'),
  });
  await t.test('another matter, for the same items', async (t) => {
    writeFileSync(file, stringify(latest()));
    t.match((await egret(`clients apply ${file}`)).out, /changed +matter/);
    await until(async () => (await none(there)) === 'consent_required', patience);
    const again = await visit(there);
    t.same(again.pages, ['consent']);
    t.match(again.shown, '办理居住登记');
    t.match(again.shown, '测试社区后来改了说明，所以再问你');
    t.equal(await none(here), null, 'once');
  });

  await t.test('another change of the record asks nobody', async (t) => {
    const now = { ...latest(), scopes: ['openid', 'profile', 'realname'] };
    writeFileSync(file, stringify(now));
    t.match((await egret(`clients apply ${file}`)).out, /changed +scopes/);
    await until(
      async () => (await visit(here, { prompt: 'none', scope: 'openid phone' })).error === 'invalid_scope',
      patience,
    );
    t.equal(await none(here), null);
  });
});
