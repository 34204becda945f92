import { createPublicKey } from 'node:crypto';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { namesPrivateHost } from '../web/outbound/public-address.ts';

/** What a department may ask for, and how its system is known: one file of config/clients a system. */
const bilingual = Type.Object(
  { zh: Type.String({ minLength: 1 }), en: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);
const url = Type.String({ minLength: 8, maxLength: 500 });
export const scopes = ['openid', 'profile', 'phone', 'realname', 'identity'] as const;
const scope = Type.Enum([...scopes]);

const item = Type.Object(
  {
    scope,
    /** told 依法提供，告知你; asked 需要你同意; sensitive 敏感信息，逐项问你 */
    group: Type.Union([Type.Literal('told'), Type.Literal('asked'), Type.Literal('sensitive')]),
    purpose: bilingual,
    without: bilingual,
    basis: bilingual,
  },
  { additionalProperties: false },
);

const definitionSchema = Type.Object(
  {
    client_id: Type.String({ pattern: '^[a-z][a-z0-9-]{1,62}$' }),
    name: bilingual,
    department: Type.Object(
      {
        zh: Type.String({ minLength: 1 }),
        en: Type.String({ minLength: 1 }),
        seal: Type.String({ minLength: 1, maxLength: 2 }),
      },
      { additionalProperties: false },
    ),
    kind: Type.Union([Type.Literal('web'), Type.Literal('browser'), Type.Literal('service')]),
    /** Pairwise subjects are made by it; never the redirect host. */
    sector: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,100}$' }),
    auth: Type.Union([Type.Literal('private_key_jwt'), Type.Literal('client_secret_basic'), Type.Literal('none')]),
    jwks_uri: Type.Optional(url),
    jwks: Type.Optional(
      Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1, maxItems: 20 }) }),
    ),
    redirect_uris: Type.Array(url, { maxItems: 20 }),
    post_logout_redirect_uris: Type.Optional(Type.Array(url, { maxItems: 20 })),
    backchannel_logout_uri: Type.Optional(url),
    origins: Type.Optional(Type.Array(url, { maxItems: 10 })),
    home: url,
    sign_out: Type.Optional(url),
    scopes: Type.Array(scope, { maxItems: 10 }),
    grants: Type.Array(
      Type.Union([
        Type.Literal('authorization_code'),
        Type.Literal('refresh_token'),
        Type.Literal('client_credentials'),
      ]),
      { minItems: 1 },
    ),
    /** The latest end of the department's own session, for who takes no sign-out notices. */
    session_minutes: Type.Integer({ minimum: 1, maximum: 1440 }),
    matter: Type.Optional(bilingual),
    items: Type.Optional(Type.Array(item, { maxItems: 20 })),
  },
  { additionalProperties: false },
);
export type Definition = Static<typeof definitionSchema>;
export type Item = Static<typeof item>;

export interface ClientRecord extends Definition {
  readonly clientId: string;
  readonly state: 'active' | 'stopped';
  /** base64url of the keyed hash, newest first. */
  readonly secretHashes: readonly string[];
  /** Which wording of the matter and the items people are shown. */
  readonly itemsVersion: string;
  readonly origins: string[];
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

const files = new WeakMap<object, string>();

/** Remembers which file a definition was read from, so that its problems are told by it. */
export function readFrom(file: string, definition: unknown): unknown {
  if (typeof definition === 'object' && definition !== null) files.set(definition, file);
  return definition;
}

/** Every problem of a definition in a sentence each; an empty list when it is good. */
export function problemsOf(definition: unknown, development: boolean): string[] {
  const id = (definition as { client_id?: unknown })?.client_id ?? 'a client';
  const file = typeof definition === 'object' && definition !== null ? files.get(definition) : undefined;
  const name = file === undefined ? id : `${file}: ${id}`;
  if (!Value.Check(definitionSchema, definition)) {
    return [...Value.Errors(definitionSchema, definition)].map(
      (error) => `${name}: ${error.instancePath || '/'} ${error.message}`,
    );
  }
  const wrong: string[] = [];
  const check = (field: string, address: string, bare: boolean): void => {
    const parsed = URL.parse(address);
    if (!parsed) wrong.push(`${name}: ${field} ${address} is no address`);
    else if (parsed.username || parsed.password || /[\s#*\\]/.test(address))
      wrong.push(`${name}: ${field} ${address} must have no fragment, user, wildcard, blank or backslash`);
    else if (
      parsed.protocol !== 'https:' &&
      !(development && parsed.protocol === 'http:' && loopback.has(parsed.hostname))
    ) {
      wrong.push(`${name}: ${field} ${address} must be https (http only on loopback in development)`);
    } else if (bare && parsed.origin !== address) wrong.push(`${name}: ${field} ${address} must be a bare origin`);
  };
  for (const address of definition.redirect_uris) check('redirect_uris', address, false);
  for (const address of definition.post_logout_redirect_uris ?? []) check('post_logout_redirect_uris', address, false);
  for (const address of definition.origins ?? []) check('origins', address, true);
  for (const field of ['jwks_uri', 'backchannel_logout_uri', 'home', 'sign_out'] as const) {
    const address = definition[field];
    if (address) check(field, address, false);
  }
  // what is called from here; a name is looked at when it is (web/outbound/outbound.ts)
  for (const field of ['jwks_uri', 'backchannel_logout_uri'] as const) {
    const called = URL.parse(definition[field] ?? '');
    if (called && !development && namesPrivateHost(called))
      wrong.push(`${name}: ${field} ${called.href} must name a public host: no private address is called`);
  }
  if (definition.jwks && definition.jwks_uri) wrong.push(`${name}: jwks_uri or jwks, not both`);
  if (definition.auth === 'private_key_jwt' && !definition.jwks_uri && !definition.jwks)
    wrong.push(`${name}: private_key_jwt needs jwks_uri or jwks, one of them`);
  for (const [n, key] of (definition.jwks?.keys ?? []).entries())
    if (!isPublicKey(key)) wrong.push(`${name}: jwks/keys/${n} must be a public key, whole and of a known kind`);
  if (definition.auth === 'none' && definition.grants.includes('client_credentials'))
    wrong.push(`${name}: a public client cannot have client_credentials`);
  if (definition.grants.includes('authorization_code') && definition.redirect_uris.length === 0)
    wrong.push(`${name}: authorization_code needs redirect_uris`);
  if (definition.grants.includes('authorization_code') && !(definition.scopes as string[]).includes('openid'))
    wrong.push(`${name}: scopes must contain openid`);
  // 《个人信息保护法》第二十九条: what is sensitive is agreed to by itself
  for (const item of definition.items ?? [])
    if (item.scope === 'identity' && item.group !== 'sensitive')
      wrong.push(`${name}: items: identity is asked for by itself, in group sensitive`);
  if (definition.auth === 'none' && (definition.scopes as string[]).includes('identity'))
    wrong.push(`${name}: a public client cannot have the scope identity`);
  return wrong;
}

/** A private or shared key here would rest where everybody reads it; half a key would fail at the first sign-in. */
function isPublicKey(key: Record<string, unknown>): boolean {
  try {
    createPublicKey({ key, format: 'jwk' });
    return !('d' in key);
  } catch {
    return false;
  }
}
