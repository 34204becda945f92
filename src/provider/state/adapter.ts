import { hash } from 'node:crypto';
import { errors, Provider } from 'oidc-provider';
import type { Vault } from '../../keys/keys.ts';
import { browserCookieOf } from '../../web/desk.ts';
import { type Entry, type Key, type Kind, keyOf, kinds } from './state.ts';
import {
  type AdapterNeeds,
  demand,
  type EndedBy,
  finished,
  flush,
  needsOf,
  type Payload,
  remember,
  sessionPut,
  unitOf,
} from './unit.ts';

const sha = (value: string): string => hash('sha256', value, 'base64url');
const held = new Set(['Grant', 'AuthorizationCode', 'AccessToken', 'RefreshToken', 'ClientCredentials']);

/** What oidc-provider calls an adapter: one instance a kind of thing it keeps. */
export class Adapter {
  readonly #name: Kind;
  readonly #needs: AdapterNeeds;

  constructor(name: string, needs: AdapterNeeds) {
    this.#name = name as Kind;
    this.#needs = needs;
  }

  async find(id: string): Promise<Payload | undefined> {
    if (this.#name === 'Session') return this.#findSession(id);
    // clients that are not in the snapshot are asked for here: unknown, without a look into the state
    if (!(this.#name in kinds)) return undefined;
    const key = keyOf(this.#name, id);
    const read = await this.#read(key);
    if (!read) return undefined;
    const [entry, { at, ...body }] = read;
    if (held.has(this.#name) && this.#over(body, at)) return undefined;
    body.jti = id;
    if (this.#name === 'Interaction') {
      if (entry.consumedAt > 0 || this.#ofAnotherBrowser(body) || this.#ofAnotherPerson(body)) return undefined;
      if (this.#endedHalfWay(body)) return undefined;
      body.returnTo = `${this.#needs.issuer}/authorize/${id}`;
      if (body.params)
        body.params = JSON.parse(this.#needs.vault.open(Buffer.from(body.params, 'base64'), `interaction:${sha(id)}`));
    } else if (entry.consumedAt > 0 && !this.#decidesLater(body)) {
      body.consumed = Math.floor(entry.consumedAt / 1000);
    }
    return body;
  }

  /**
   * Its own cookies have a path, so a neighbour under our domain could plant them in somebody's browser and, once that
   * person has signed in, resume in its own; the token of a browser is a `__Host-` cookie, which nobody can plant.
   */
  #ofAnotherBrowser({ result }: Payload): boolean {
    const { ctx } = Provider;
    if (!result?.browser || ctx?.oidc?.route !== 'resume') return false;
    return sha(ctx.cookies.get(browserCookieOf(this.#needs.issuer)) ?? '') !== result.browser;
  }

  /**
   * Another tab of this browser signed in as somebody else meanwhile. The library would ask with a page of its own
   * whether that person shall be signed out; here the sign-in that was left lying is over.
   */
  #ofAnotherPerson({ result }: Payload): boolean {
    const { oidc } = Provider.ctx ?? {};
    const here = oidc?.route === 'resume' ? oidc.session?.accountId : undefined;
    return here !== undefined && result?.login !== undefined && result.login.accountId !== here;
  }

  /** The person's sign-ins were ended between the last page and the resumption: no session may begin of it. */
  #endedHalfWay({ result }: Payload): boolean {
    const at = result?.egret?.at;
    return at !== undefined && result.login !== undefined && this.#needs.ended('account', result.login.accountId, at);
  }

  /** A rotated refresh token on the token endpoint looks unspent: the script decides between window and replay. */
  #decidesLater(body: Payload): boolean {
    return this.#name === 'RefreshToken' && body.rotating === true && Provider.ctx?.oidc?.route === 'token';
  }

  /** Ended by a record, whatever the store still holds: its removal may not have arrived there (DESIGN rule 2). */
  #over({ accountId, clientId, sessionUid }: Payload, at: number): boolean {
    const { ended } = this.#needs;
    if (!accountId) return false;
    return (
      ended('account', accountId, at) ||
      ended('consent', `${accountId}\n${clientId}`, at) ||
      (sessionUid !== undefined &&
        (ended('session', sessionUid, at) || ended('visit', `${sessionUid}\n${clientId}`, at)))
    );
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    const [, body] = (await this.#read(keyOf('Session', uid))) ?? [];
    return body && stands(body, this.#needs.ended) ? carried(body) : undefined;
  }

  async #read(key: Key): Promise<readonly [Entry, Payload] | undefined> {
    const unit = unitOf();
    const before = unit?.loaded.get(key);
    if (before) return [before, JSON.parse(before.payload)];
    if (unit?.loaded.has(key)) return undefined;
    const loaded = await (unit?.ahead.get(key) ?? this.#needs.state.load(key));
    const body = loaded && (JSON.parse(loaded.entry.payload) as Payload);
    if (unit) remember(unit, key, loaded, undefined, body);
    return loaded && body && [loaded.entry, body];
  }

  async #findSession(cookie: string): Promise<Payload | undefined> {
    const { state } = this.#needs;
    const uid = uidOf(cookie);
    if (uid === undefined) return undefined;
    const key = keyOf('Session', uid);
    const unit = unitOf();
    const asked = Provider.ctx?.query.client_id;
    const client = typeof asked === 'string' ? asked : undefined;
    const loaded = await state.load(key, { client });
    const body = loaded && (JSON.parse(loaded.entry.payload) as Payload);
    if (unit) remember(unit, key, loaded, client, body);
    if (!loaded || !body) return undefined;
    if (sha(cookie) !== body.jti || !stands(body, this.#needs.ended)) return undefined;
    const { version, payload: text } = loaded.entry;
    if (unit) unit.session = { key, version, text, exp: body.exp, iat: body.iat };
    return { ...carried(body), jti: cookie };
  }

  async upsert(id: string, payload: Payload, ttl: number): Promise<void> {
    const { state, vault } = this.#needs;
    if (this.#name === 'Session') return this.#saveSession(id, payload);
    const key = keyOf(this.#name, id);
    const { jti: _jti, ...rest } = payload;
    // `iat` counts seconds; an ending of the same second must tell before from after
    const body: Payload = held.has(this.#name) ? { ...rest, at: this.#needs.now() } : rest;
    const expiresAt = (payload.exp ?? Math.floor(this.#needs.now() / 1000) + ttl) * 1000;
    if (this.#name === 'Interaction') {
      delete body.returnTo;
      if (body.session) delete body.session.cookie;
      // the library repeats parameters in it (`login_hint` may be a mobile), in the clear; nobody reads them there
      if (body.prompt) body.prompt = { ...body.prompt, details: {} };
      body.params = vault.seal(JSON.stringify(body.params ?? {}), `interaction:${sha(id)}`).toString('base64');
      // a result is written only into an interaction that stands and was not resumed
      const need = payload.result ? [key] : [];
      const put = { key, payload: JSON.stringify(body), expiresAt, single: true };
      demand(await state.commit({ lock: key, need, put: [put] }));
      return;
    }
    const unit = held.has(this.#name) ? unitOf() : undefined;
    const single = this.#name === 'AuthorizationCode' || payload.rotating === true;
    const put = { key, body, payload: '', expiresAt, once: this.#name === 'RefreshToken', single };
    if (unit) unit.put.set(key, put);
    else demand(await state.commit({ lock: key, put: [finished(put)], need: needsOf(key, body) }));
  }

  async consume(id: string): Promise<void> {
    const unit = unitOf();
    const key = keyOf(this.#name, id);
    const entry = unit?.loaded.get(key);
    if (!unit || !entry) throw new Error(`${this.#name} consumed without being read`);
    unit.spend = { key, body: JSON.parse(entry.payload) as Payload };
  }

  async destroy(id: string): Promise<void> {
    const key = keyOf(this.#name, this.#name === 'Session' ? (id.split('.')[0] ?? '') : id);
    if (this.#name === 'Interaction') {
      // resume: of two at once, one gets SessionNotFound (overrides.ts)
      const spent = await this.#needs.state.commit({ lock: key, spend: { key, for: 'resume' } });
      if (!spent.ok) throw new errors.SessionNotFound('interaction session not found');
      return;
    }
    await this.#endWith(key);
  }

  /** Ends an entry with the event that says why: a replay, or a revocation by the client itself. */
  async #endWith(key: Key): Promise<void> {
    const { oidc } = Provider.ctx ?? {};
    const acts = { token: 'token.replayed', revocation: 'token.revoked' } as const;
    const act = acts[oidc?.route as keyof typeof acts];
    const events = act ? [this.#needs.stamp(act, { client: oidc?.client?.clientId, what: this.#name })] : [];
    const committed = await this.#needs.state.commit({ lock: key, remove: [key], events });
    if (!committed.ok) this.#needs.unsent(events, 'refused');
    demand(committed);
  }

  /** A grant that is gone takes its codes and tokens with it: every use of one needs the grant. */
  async revokeByGrantId(): Promise<void> {}

  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async #saveSession(cookie: string, payload: Payload): Promise<void> {
    const { state, vault } = this.#needs;
    const unit = unitOf();
    const uid = payload.uid as string;
    const key = keyOf('Session', uid);
    const { jti: _jti, ...rest } = payload;
    const before = unit?.session?.key === key ? unit.session : undefined;
    const mine: Payload = closed(rest, vault);
    mine.jti = sha(cookie);
    // not its own end, which every save moves
    const changed = !before || JSON.stringify({ ...mine, exp: before.exp, iat: before.iat }) !== before.text;
    if (unit) await flush(unit, this.#needs, changed ? { key, body: mine, before } : undefined);
    else demand(await state.commit({ lock: key, put: [sessionPut(key, mine, 1)] }));
  }
}

/** Whether no record ended this session or its person since it began. */
export const stands = ({ uid, accountId, egret }: Payload, ended: EndedBy): boolean =>
  !accountId || !(ended('session', uid, egret.started) || ended('account', accountId, egret.started));

/** The uid that a session's cookie begins with, or undefined for what cannot be one. */
export const uidOf = (cookie: string | undefined): string | undefined =>
  /^([0-6]\d[\w-]{10,})(?:\.|$)/.exec(cookie ?? '')?.[1];

/** The cookie of a session at its nth turn: made again by any node, so that two turns at once agree. */
export const sessionCookie = (vault: Vault, uid: string, turn: number): string =>
  `${uid}.${vault.mac('browser', `session|${uid}|${turn}`).toString('base64url')}`;

/**
 * The parts of a session that would speak to a reader of the store (state of a sign-out, the person) rest sealed, and
 * are carried so through a request, since none but a login needs them: what did not change keeps its seal, so that an
 * unchanged session costs no write.
 */
function closed(body: Payload, vault: Vault): Payload {
  const { person, sealed, ...egret } = body.egret ?? {};
  const { state, ...rest } = body;
  if (state === undefined && person === undefined) return { ...rest, egret, ...(sealed ? { sealed } : {}) };
  const context = `session:${body.uid}`;
  const before = sealed ? JSON.parse(vault.open(Buffer.from(sealed, 'base64'), context)) : {};
  const secret = JSON.stringify({ state: state ?? before.state, person: person ?? before.person });
  return { ...rest, egret, sealed: vault.seal(secret, context).toString('base64') };
}

function carried(body: Payload): Payload {
  const { sealed, jti: _jti, ...rest } = body;
  return sealed ? { ...rest, egret: { ...rest.egret, sealed } } : rest;
}
