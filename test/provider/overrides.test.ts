import { SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import t from 'tap';
import { Jar } from '../support/browser.ts';
import { assertionType, basicHeader } from '../support/department.ts';
import { type Any, bare, publicKey, redirect, signer } from './bare.ts';

/**
 * What each replacement of src/provider/overrides.ts stands on, tried on the library without it: a new version that
 * behaves otherwise fails here, by name, before anything of ours goes subtly wrong. library.test.ts does the same for the
 * files beside it. Whether the replacements themselves hold is for the other tests of this folder.
 */
const ctx = (): Any => (Provider as Any).ctx;
const claimsOf = (jwt: string): Any => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());

t.test('overrides.ts, sessions', async (t) => {
  await t.test('uid and jti are drawn by the constructor unless given', async (t) => {
    const { provider } = await bare(t);
    t.match(new provider.Session(), { uid: /^.{21,}$/, jti: /^.{21,}$/ });
    t.match(new provider.Session({ uid: 'u', jti: 'j' }), { uid: 'u', jti: 'j', id: 'j' });
  });

  await t.test('every session comes from it: a new one, one of a cookie nobody knows, a found one', async (t) => {
    const seen: Any[] = [];
    const own = await bare(t, ({ Session }) => {
      const { instantiate } = Session;
      Session.instantiate = function mine(payload: Any) {
        seen.push(payload);
        return instantiate.call(this, payload);
      };
    });
    const jar = new Jar();
    const code = await own.authorize(jar);
    t.ok(seen.length > 0 && seen.every((payload) => payload === undefined), 'no cookie: without a payload');
    seen.length = 0;
    await own.authorize(jar);
    t.match(seen, [{ accountId: 'a', uid: String }], 'found: with the stored one');
    seen.length = 0;
    await own.redeem(code);
    t.match(seen, [{ accountId: 'a' }], 'found by uid too');
    seen.length = 0;
    await fetch(`${own.issuer}/auth?client_id=c`, { headers: { cookie: '_session=nobody' }, redirect: 'manual' });
    t.strictSame(seen, [{}], 'a cookie nobody knows: with an empty one');
  });

  await t.test('IN_PAYLOAD says what is kept, and is read once: extended before the first use', async (t) => {
    const own = await bare(t, ({ Session }) => {
      const before: string[] = Session.IN_PAYLOAD;
      t.ok(
        ['uid', 'acr', 'amr', 'accountId', 'loginTs', 'state', 'authorizations'].every((name) => before.includes(name)),
      );
      Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => [...before, 'own'] });
      const { loginAccount } = Session.prototype;
      Session.prototype.loginAccount = function login(details: Any) {
        loginAccount.call(this, details);
        this.own = { kept: true };
      };
    });
    await own.authorize(new Jar());
    t.match(own.written.findLast(({ model }) => model === 'Session')?.payload, { own: { kept: true } });
  });

  await t.test('loginAccount is told who it is, while the interaction’s result is at hand', async (t) => {
    const told: Any[] = [];
    const own = await bare(t, ({ Session }) => {
      const { loginAccount } = Session.prototype;
      Session.prototype.loginAccount = function login(details: Any) {
        told.push({ details, before: this.accountId, result: ctx().oidc.entities.Interaction.result });
        loginAccount.call(this, details);
        told.push({ accountId: this.accountId, loginTs: this.loginTs });
      };
    });
    own.answers.login = { login: { accountId: 'a', acr: 'r', amr: ['pwd'], ts: 7 }, egret: { any: 1 } };
    await own.authorize(new Jar());
    t.match(told, [
      {
        details: { accountId: 'a', acr: 'r', amr: ['pwd'], loginTs: 7, transient: false },
        before: undefined,
        result: { login: { accountId: 'a' }, egret: { any: 1 } },
      },
      { accountId: 'a', loginTs: 7 },
    ]);
  });

  await t.test(
    'resetIdentifier: at every return of a known session, after the result is known; then the old id is deleted',
    async (t) => {
      const turns: Any[] = [];
      const own = await bare(t, ({ Session }) => {
        const { resetIdentifier } = Session.prototype;
        Session.prototype.resetIdentifier = function reset() {
          const was = this.id;
          resetIdentifier.call(this);
          turns.push({
            result: Object.keys(ctx().oidc.result),
            drawn: this.id !== was,
            old: this.oldId === was,
            touched: this.touched,
          });
        };
      });
      const jar = new Jar();
      await own.authorize(jar);
      t.strictSame(turns, [], 'not of one that was new');
      own.calls();
      for (const prompt of ['login', 'consent']) await own.authorize(jar, { prompt });
      t.strictSame(turns, [
        { result: ['login'], drawn: true, old: true, touched: true },
        { result: ['consent'], drawn: true, old: true, touched: true },
      ]);
      const sessions = own.calls().filter((call) => call.startsWith('Session.') && call !== 'Session.find');
      const page = ['Session.upsert', 'Session.findByUid', 'Session.findByUid'];
      const back = ['Session.destroy', 'Session.upsert'];
      t.strictSame(sessions, [...page, ...back, ...page, ...back], 'deleted first: two tabs at once lose it');
    },
  );

  await t.test('the cookie is set before the session is saved, and saved sessions have an end', async (t) => {
    let cookie: unknown;
    const own = await bare(t, ({ Session }) => {
      const { save } = Session.prototype;
      Session.prototype.save = async function mine(ttl: number) {
        cookie = ctx().response.get('set-cookie');
        t.type(ttl, 'number');
        return save.call(this, ttl);
      };
    });
    await own.authorize(new Jar());
    t.match(String(cookie), /_session=/);
    t.equal(own.provider.cookieName('session'), '_session');
  });
});

t.test('overrides.ts, ids: generateTokenId names whatever is saved for the first time', async (t) => {
  const asked: string[] = [];
  let rotated: string | undefined;
  const own = await bare(t, (provider) => {
    for (const name of ['Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken', 'ClientCredentials']) {
      const { generateTokenId } = provider[name].prototype;
      provider[name].prototype.generateTokenId = function mine() {
        asked.push(name);
        if (name === 'RefreshToken') rotated = ctx().oidc.entities.RotatedRefreshToken?.jti;
        if (name !== 'Grant' && name !== 'ClientCredentials')
          t.type(this.sessionUid, 'string', `${name} knows its session by then`);
        return `00${generateTokenId.call(this)}`;
      };
    }
  });
  const issued = await own.authorize(new Jar());
  t.match(issued.code, /^00/);
  const first = await own.redeem(issued);
  t.match(first.json, { access_token: /^00/, refresh_token: /^00/ });
  t.equal(rotated, undefined);
  const second = await own.token({ grant_type: 'refresh_token', refresh_token: first.json.refresh_token });
  t.match(second.json, { access_token: /^00/, refresh_token: /^00/ });
  t.equal(rotated, first.json.refresh_token, 'an heir knows whom it follows');
  t.match((await own.token({ grant_type: 'client_credentials' })).json.access_token, /^00/);
  t.strictSame(asked, [
    'Grant',
    'AuthorizationCode',
    'AccessToken',
    'RefreshToken',
    'RefreshToken',
    'AccessToken',
    'ClientCredentials',
  ]);
});

t.test('overrides.ts, payloads: what is kept is what IN_PAYLOAD names and is set, with its times', async (t) => {
  const seen: string[] = [];
  const own = await bare(t, (provider) => {
    for (const name of ['Session', 'Grant', 'AuthorizationCode']) {
      const Model = provider[name];
      const { getValueAndPayload } = Model.prototype;
      Model.prototype.getValueAndPayload = async function mine() {
        seen.push(name);
        const now = Math.floor(Date.now() / 1000);
        const set = [...new Set<string>(Model.IN_PAYLOAD)].filter((field) => this[field] !== undefined);
        const answer = await getValueAndPayload.call(this);
        const { iat, exp, ...rest } = answer.payload;
        t.strictSame(Object.keys(rest).sort(), set.filter((field) => field !== 'iat' && field !== 'exp').sort());
        for (const [field, value] of Object.entries(rest)) t.equal(value, this[field], `${name}.${field} as it is`);
        t.equal(iat, this.iat ?? now);
        t.equal(exp, this.exp ?? now + this.expiration);
        t.equal(answer.value, this.jti);
        return answer;
      };
    }
  });
  await own.redeem(await own.authorize(new Jar()));
  t.strictSame(new Set(seen), new Set(['Session', 'Grant', 'AuthorizationCode']));
});

t.test('overrides.ts, replay: unique(issuer, jti, exp) decides, and the body is read by then', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const form = async (issuer: string, more = {}) => ({
    grant_type: 'client_credentials',
    client_assertion_type: assertionType,
    client_assertion: await new SignJWT({ iss: 'k', sub: 'k', aud: issuer, jti: 'j', exp: now + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: publicKey.kid })
      .sign(signer),
    ...more,
  });
  const alone = await bare(t);
  t.equal((await alone.token(await form(alone.issuer), {})).status, 200);
  t.strictSame(
    alone.calls(),
    ['ReplayDetection.find', 'ReplayDetection.upsert', 'ClientCredentials.upsert'],
    'looked, then marked: a race',
  );
  t.equal((await alone.token(await form(alone.issuer), {})).status, 401);

  const asked: Any[] = [];
  let unique = true;
  const own = await bare(
    t,
    ({ ReplayDetection }) => {
      ReplayDetection.unique = async (...all: Any[]) => {
        asked.push([...all, { ...ctx().oidc.body }, ctx().oidc.route]);
        return unique;
      };
    },
    { clockTolerance: 5 },
  );
  const sent = await form(own.issuer, { code: 'C', refresh_token: 'R' });
  t.equal((await own.token(sent, {})).status, 200);
  t.match(asked, [['k', 'j', now + 65, { code: 'C', refresh_token: 'R' }, 'token']]);
  unique = false;
  t.match(await own.token(sent, {}), { status: 401, json: { error: 'invalid_client' } });
  t.strictSame(own.calls(), ['ClientCredentials.upsert'], 'nothing else is looked up');
});

t.test('overrides.ts, clients: the secret is compared and the sid given by methods of Client', async (t) => {
  const compared: string[] = [];
  const own = await bare(t, ({ Client }) => {
    t.type(Client.prototype.compareClientSecret, 'function');
    Client.prototype.compareClientSecret = (actual: string) => {
      compared.push(actual);
      return actual === 'another';
    };
    Client.prototype.includeSid = () => true;
  });
  t.equal(
    (await own.token({ grant_type: 'client_credentials' }, basicHeader('c', 'secret'))).status,
    401,
    'not by what is registered',
  );
  t.equal((await own.token({ grant_type: 'client_credentials' }, basicHeader('c', 'another'))).status, 200);
  t.strictSame(compared, ['secret', 'another'], 'as sent');
  const issued = await own.authorize(new Jar());
  const { json } = await own.token(
    {
      grant_type: 'authorization_code',
      code: issued.code,
      code_verifier: issued.verifier,
      redirect_uri: redirect,
    },
    basicHeader('c', 'another'),
  );
  t.type(claimsOf(json.id_token).sid, 'string');
  const plain = await bare(t);
  t.equal(
    claimsOf((await plain.redeem(await plain.authorize(new Jar()))).json.id_token).sid,
    undefined,
    'which the library would not',
  );
});

t.test('overrides.ts, acr: the getter of OIDCContext is what tokens say', async (t) => {
  const own = await bare(t, ({ OIDCContext }) => {
    t.match(Object.getOwnPropertyDescriptor(OIDCContext.prototype, 'acr'), { get: Function, configurable: true });
    Object.defineProperty(OIDCContext.prototype, 'acr', {
      get() {
        return `of ${this.session.acr} for ${this.params.acr_values}`;
      },
    });
  });
  const { json } = await own.redeem(await own.authorize(new Jar(), { acr_values: 'x' }));
  t.equal(claimsOf(json.id_token).acr, 'of r for x');
});

t.test('overrides.ts, writes: what is used runs around the routes, and has the last word', async (t) => {
  const steps: Any[] = [];
  const own = await bare(t, (provider) => {
    provider.on('authorization.success', ({ oidc }: Any) =>
      steps.push(['authorization.success', oidc.client.clientId, oidc.session.accountId]),
    );
    provider.on('grant.success', ({ oidc }: Any) =>
      steps.push(['grant.success', oidc.entities.Account?.accountId, oidc.params.grant_type]),
    );
    provider.use(async (context: Any, next: () => Promise<void>) => {
      await next();
      steps.push([context.oidc?.route, context.status, ctx() === undefined]);
      if (context.body?.access_token && steps.length > 4) {
        context.status = 400;
        context.body = { error: 'invalid_grant' };
      }
    });
  });
  const issued = await own.authorize(new Jar());
  t.match(steps.at(-1), ['resume', 303], 'the redirect is still unsent');
  t.match(steps.at(-2), ['authorization.success', 'c', 'a']);
  const saved = own.calls();
  t.equal(saved.at(-1), 'Session.upsert');
  t.match(await own.redeem(issued), { status: 400, json: { error: 'invalid_grant' } }, 'its word is sent');
  t.match(steps.slice(-2), [
    ['grant.success', 'a', 'authorization_code'],
    ['token', 200],
  ]);
});
