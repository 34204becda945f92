import { hash, randomFillSync, randomInt, timingSafeEqual } from 'node:crypto';
import { errors, Provider } from 'oidc-provider';
import { systemClock } from '../clock.ts';
import type { Vault } from '../keys/keys.ts';
import { reached, wanted } from './acr.ts';
import { markMayBeLost } from './assertions.ts';
import { sessionCookie } from './state/adapter.ts';
import { buckets, digits, type Kind, keyOf } from './state/state.ts';
import { type AdapterNeeds, flush, type Payload, Refused, readAhead, unitOf } from './state/unit.ts';

/**
 * Everything of oidc-provider that is replaced, each with its reason. The library is pinned exactly;
 * test/provider/overrides.test.ts fails when the behaviour that a replacement stands on changes.
 */

/** Drawn for 128 ids at once: a call for each costs more than the rest of making one. What is handed out is wiped. */
const pool = Buffer.allocUnsafeSlow(4_096);
let next = pool.length;
function random(bytes = 32): string {
  if (next + bytes > pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const drawn = pool.subarray(next, next + bytes);
  next += bytes;
  const text = drawn.toString('base64url');
  drawn.fill(0);
  return text;
}
/** A session's bucket is drawn, never derived from the person: departments must not be able to link by it. */
export const newUid = (): string => digits(randomInt(buckets)) + random(18);

// biome-ignore lint/suspicious/noExplicitAny: the library's classes are untyped here
type Any = any;

export function applyOverrides(provider: Provider, needs: AdapterNeeds): void {
  sessions(provider, needs.vault, needs.now);
  ids(provider, needs.vault);
  payloads(provider);
  replay(provider, needs);
  clients(provider, needs.vault);
  writes(provider, needs);
  // The library compares acr by string; a level is met on two axes (DESIGN section 3).
  Object.defineProperty(provider.OIDCContext.prototype, 'acr', {
    get(this: Any) {
      return reached(this.session.acr, wanted(this.params)) ?? this.session.acr;
    },
  });
}

/**
 * One key a session, by uid; its cookie is `uid.MAC(uid, turn)`. The library draws a new id on every turn and deletes
 * the old one first, which loses the session when two tabs come at once.
 */
function sessions(provider: Provider, vault: Vault, now: () => number): void {
  const { Session } = provider as Any;
  extend(Session, ['egret']);
  const turn = (session: Any, value: number): void => {
    session.egret = { ...session.egret, turn: value };
    session.jti = sessionCookie(vault, session.uid, value);
  };
  const begin = (session: Any, uid = newUid()): void => {
    session.uid = uid;
    turn(session, 0);
  };
  Session.instantiate = function instantiate(payload?: Payload) {
    const session = new this(payload);
    if (!payload?.uid) begin(session);
    return session;
  };
  const { loginAccount, save } = Session.prototype;
  Session.prototype.loginAccount = function login(details: Any) {
    // what an anonymous browser held before the login must not name the session after it (fixation)
    const result = (Provider.ctx as Any)?.oidc?.entities.Interaction?.result;
    if (!this.accountId) begin(this, result?.egret?.uid);
    loginAccount.call(this, details);
    const { consents, person, at } = result?.egret ?? {};
    // not when the browser comes back: what ended the person's sign-ins meanwhile ended this one
    const started = this.egret?.started ?? at ?? now();
    this.egret = { ...this.egret, started, seen: now(), consents, person };
  };
  // The library turns at every return from a page of ours; what a stolen cookie must not gain, it gains at a login only.
  Session.prototype.resetIdentifier = function reset() {
    if (!(Provider.ctx as Any)?.oidc?.result?.login) return;
    turn(this, (this.egret?.turn ?? 0) + 1);
    this.touched = true;
  };
  Session.prototype.save = async function saveOnce(ttl: number) {
    delete this.oldId;
    const ctx = Provider.ctx as Any;
    if (!this.accountId && !this.state) {
      // an anonymous session holds nothing: not stored, and no cookie that could replace a good one of another tab
      this.touched = false;
      dropCookie(ctx, provider);
      return undefined;
    }
    try {
      return await save.call(this, ttl);
    } catch (error) {
      // the session ended while this request ran: nothing of it is written back, nor handed out
      this.touched = false;
      dropCookie(ctx, provider);
      throw error;
    }
  };
}

function dropCookie(ctx: Any, provider: Provider): void {
  const cookies: unknown = ctx?.response.get('set-cookie');
  if (!Array.isArray(cookies)) return;
  const name = `${provider.cookieName('session')}=`;
  ctx.response.set(
    'set-cookie',
    cookies.filter((cookie: string) => !cookie.startsWith(name)),
  );
}

/** Ids of what belongs to a session begin with its bucket; a rotated refresh token's heir is derived from it. */
function ids(provider: Provider, vault: Vault): void {
  const models = provider as Any;
  const bucketFor = (token: Any): string => {
    const from = token.sessionUid ?? token.grantId ?? (Provider.ctx as Any)?.oidc?.session?.uid;
    return typeof from === 'string' && /^[0-6]\d/.test(from) ? from.slice(0, 2) : digits(randomInt(buckets));
  };
  for (const name of ['Grant', 'AuthorizationCode', 'AccessToken', 'ClientCredentials']) {
    const { generateTokenId } = models[name].prototype;
    models[name].prototype.generateTokenId = function generate() {
      generateTokenId.call(this); // it also settles the format
      return bucketFor(this) + random();
    };
  }
  extend(models.RefreshToken, ['rotating']);
  models.RefreshToken.prototype.generateTokenId = function generate() {
    const { oidc } = Provider.ctx as Any;
    this.rotating = oidc.client.clientAuthMethod === 'none';
    const old = oidc.entities.RotatedRefreshToken;
    if (!old) return bucketFor(this) + random();
    const value = bucketFor(this) + vault.mac('refresh', old.jti).toString('base64url');
    const unit = unitOf();
    if (unit?.spend) unit.spend.successor = keyOf('RefreshToken', value);
    return value;
  };
}

/**
 * What a session, grant or code keeps. The library defines each field anew, twice over, as if it might be a setter; a
 * roam keeps three of them.
 */
function payloads(provider: Provider): void {
  for (const name of ['Session', 'Grant', 'AuthorizationCode']) {
    const Model = (provider as Any)[name];
    let fields: ReadonlySet<string> | undefined;
    Model.prototype.getValueAndPayload = async function payload() {
      fields ??= new Set<string>(Model.IN_PAYLOAD);
      const now = Math.floor(systemClock.now() / 1000); // the library's own time: it compares with it
      const kept: Payload = { iat: this.iat ?? now, exp: this.exp ?? now + this.expiration };
      for (const field of fields) if (this[field] !== undefined) kept[field] = this[field];
      return { value: this.jti, payload: kept };
    };
  }
}

/** The library looks whether an assertion was used, then marks it: 20 of 20 in parallel were accepted. */
function replay(provider: Provider, needs: AdapterNeeds): void {
  const models = provider as Any;
  models.ReplayDetection.unique = async (issuer: string, jti: string, exp: number): Promise<boolean> => {
    const { oidc } = Provider.ctx as Any;
    const unit = unitOf();
    // the read of the code or token leaves together with the mark: one trip
    const { code, refresh_token: refresh, token } = oidc.body ?? {};
    const presented = {
      AuthorizationCode: [code],
      RefreshToken: [refresh, token],
      AccessToken: [token],
      ClientCredentials: [token],
    };
    for (const [kind, values] of Object.entries(presented)) {
      const value = values.find((each) => typeof each === 'string');
      if (unit && value !== undefined) readAhead(unit, needs.state, kind as Kind, value);
    }
    const key = keyOf('Replay', `${issuer}\n${jti}`);
    const put = { key, payload: JSON.stringify({ for: oidc.route }), expiresAt: exp * 1000 };
    const committed = await needs.state.commit({ lock: key, absent: key, put: [put], usableFrom: unit?.usableFrom });
    if (committed.ok || committed.why !== 'stale') return committed.ok;
    throw markMayBeLost(unit?.usableFrom ?? 0, needs.now());
  };
}

function clients(provider: Provider, vault: Vault): void {
  const { Client } = provider as Any;
  // Secrets rest as a keyed hash; two may overlap while a department changes over. The one that was right is known again:
  // a client of another secret is another instance.
  const right = new WeakMap<object, Buffer>();
  Client.prototype.compareClientSecret = function compare(actual: string): boolean {
    const presented = hash('sha256', actual, 'buffer');
    const before = right.get(this);
    if (before && timingSafeEqual(before, presented)) return true;
    const given = vault.mac('client-secret', actual);
    const known = (this.secret_hashes ?? []).some((stored: string) => {
      const mac = Buffer.from(stored, 'base64url');
      return mac.length === given.length && timingSafeEqual(mac, given);
    });
    if (known) right.set(this, presented);
    return known;
  };
  // Every client gets its sid: sign-out is asked for by it, also where no back-channel exists.
  Client.prototype.includeSid = () => true;
}

/** The one write of a token request. It fails as the protocol says, after the library has already built its answer. */
function writes(provider: Provider, needs: AdapterNeeds): void {
  provider.use(async (ctx, next) => {
    await next();
    const unit = unitOf(ctx);
    if (!unit || ctx.status >= 400) return;
    try {
      await flush(unit, needs);
    } catch (error) {
      ctx.remove('set-cookie');
      if (error instanceof errors.OIDCProviderError) {
        ctx.status = error.statusCode;
        ctx.body = { error: error.error, error_description: error.error_description };
        if (error instanceof Refused) provider.emit('egret.refused', ctx, error.why);
      } else throw error;
    }
  });
}

function extend(Model: Any, fields: string[]): void {
  const own: string[] = Model.IN_PAYLOAD;
  Object.defineProperty(Model, 'IN_PAYLOAD', { get: () => [...own, ...fields] });
}
