import { randomBytes } from 'node:crypto';
import fastify from 'fastify';
import type { Test } from 'tap';
import type { AccountClaims } from '../../src/accounts/accounts.ts';
import { type AuditTrail, createAudit } from '../../src/audit/audit.ts';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { shiftedClock } from '../../src/clock.ts';
import { type Consents, createConsents } from '../../src/consents/consents.ts';
import { createKeys, type Keys } from '../../src/keys/keys.ts';
import {
  createBrowserSessions,
  createEpochs,
  createInteractions,
  databaseState,
  type Epochs,
  type Interaction,
  mountProvider,
  type ProtocolState,
  type ProviderNeeds,
  personalData,
  type Standing,
} from '../../src/provider/provider.ts';
import { createSessions, endedByUid, type Sessions } from '../../src/sessions/sessions.ts';
import type { Database } from '../../src/store/database.ts';
import { createOutbound } from '../../src/web/outbound/outbound.ts';

export interface Op {
  readonly issuer: string;
  readonly standing: Map<string, Standing>;
  readonly database: Database;
  readonly events: () => Promise<string[]>;
  readonly errors: unknown[];
  readonly secret: string;
  readonly endings: Sessions;
  readonly clients: Clients;
  /** Which wording of its items this client shows now. */
  readonly wording: (clientId: string) => string;
  readonly consents: Consents;
  readonly keys: Keys<AuditTrail>;
  readonly epochs: Epochs;
  /** Who the next sign-in is, and what it proves; `ts` in epoch seconds when it was earlier than now. */
  person: { accountId: string; acr: string; amr: string[]; ts?: number };
  /** What the pages of a prompt answer, instead of agreeing. */
  readonly answers: Map<Interaction['prompt'], object>;
  /** Every interaction that was led to, oldest first. */
  readonly asked: Interaction[];
  readonly sessions: ReturnType<typeof createBrowserSessions>;
  readonly engine: ProtocolState;
  readonly replaceState: (state: ProtocolState) => void;
}

export const accountId = '0b9f5e8e-6f3c-4f39-9a53-3f3f5f6f7a01';
export const redirect = 'http://127.0.0.1:9/callback';

export const client = (client_id: string, more: object): object => ({
  client_id,
  name: { zh: client_id, en: client_id },
  department: { zh: client_id, en: client_id, seal: '测' },
  kind: 'web',
  sector: `${client_id}.test`,
  redirect_uris: [redirect],
  post_logout_redirect_uris: ['http://127.0.0.1:9/out'],
  home: 'http://127.0.0.1:9/',
  scopes: ['openid', 'profile'],
  session_minutes: 30,
  items: [],
  ...more,
});

export interface OpOptions {
  /** Beside the three that every test has. */
  readonly clients?: readonly object[];
  /** Milliseconds that the clock of this process was moved by: PostgreSQL, which has its own, follows. */
  readonly offset?: () => number;
  /** What the records know of everybody, for userinfo; without it two claims are made up. */
  readonly known?: Omit<AccountClaims, 'accountId'>;
  /** The door to other hosts; that of a development where none is given. */
  readonly fetch?: ProviderNeeds['fetch'];
}

/** The provider behind its real mount and stores, with a sign-in that believes everyone: what is tried is the protocol. */
export async function op(
  t: Test,
  database: Database,
  state: ProtocolState | undefined,
  jwks: object,
  options: OpOptions = {},
): Promise<Op> {
  const clock = shiftedClock(() => 0);
  const keys = await createKeys<AuditTrail>({
    database,
    keyEncryptionKey: randomBytes(32),
    clock,
    audit: (key) => createAudit({ database, clock, key }),
  });
  const clients = await createClients({ database, vault: keys.vault, audit: keys.audit, clock, development: true });
  await clients.apply([
    client('basic', {
      auth: 'client_secret_basic',
      grants: ['authorization_code', 'refresh_token', 'client_credentials'],
    }),
    client('signed', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks }),
    client('public', {
      auth: 'none',
      kind: 'browser',
      grants: ['authorization_code', 'refresh_token'],
      origins: ['http://127.0.0.1:9'],
    }),
    ...(options.clients ?? []),
  ]);
  const secret = (await clients.newSecret('basic')) ?? '';
  const endings = createSessions({ database, clock });
  const consents = createConsents({
    database,
    audit: keys.audit,
    clock,
    reference: (account) => keys.vault.mac('audit-ref', account),
    onWithdrawn: (tx, account, id, at) =>
      endings.record(tx, { kind: 'consent', ref: `${account}\n${id}`, at, until: at + 43_200_000 }),
  });
  const person: Op['person'] = { accountId, acr: 'urn:egret:r1a1', amr: ['pwd'] };
  const answers: Op['answers'] = new Map();
  const asked: Interaction[] = [];
  const standing = new Map<string, Standing>();
  const errors: unknown[] = [];
  let engine = state ?? databaseState(database, options.offset);
  const server = fastify();
  t.teardown(() => server.close());
  const indirect: ProtocolState = {
    load: (...args) => engine.load(...args),
    commit: (...args) => engine.commit(...args),
    guess: (...args) => engine.guess(...args),
    count: (...args) => engine.count(...args),
    events: (...args) => engine.events(...args),
    forget: (...args) => engine.forget(...args),
    pending: () => engine.pending(),
    ping: () => engine.ping(),
    sweep: () => engine.sweep(),
    close: () => engine.close(),
  };
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const needs: ProviderNeeds = {
    state: indirect,
    vault: keys.vault,
    issuer,
    refreshWindow: 10_000,
    now: clock.now,
    lifetimes: {
      code: 60,
      accessToken: 600,
      idToken: 600,
      clientCredentials: 600,
      interaction: 1800,
      sessionIdle: 1800,
      sessionAbsolute: 43_200,
    },
    begun: async () => ({ allowed: true, resetAt: 0 }),
    fetch: options.fetch ?? createOutbound({ development: true }),
    consent: async (account, id) => standing.get(`${account} ${id}`) ?? consents.find(account, id),
    release: options.known
      ? personalData({
          database,
          audit: keys.audit,
          agreed: async (_tx, _account, _client, scopes) => scopes,
          account: async (id) => ({ accountId: id, ...options.known! }),
          reference: (id) => keys.vault.mac('audit-ref', id),
        })
      : async () => ({ nickname: '测*', updated_at: 1 }),
    ended: endedByUid(endings),
    stamp: (type, { client: id }) =>
      keys.audit.stamp({ type, outcome: 'success', ...(id ? { client: id } : {}) } as never),
    unsent: (events, why) => {
      for (const event of events) keys.audit.unsent(event, why);
    },
    errorPage: (_req, out, error) => {
      errors.push(error);
      return {
        status: (error as { statusCode?: number }).statusCode ?? 500,
        page: `refused ${out.error} ${out.error_description}`,
        headers: {},
      };
    },
  };
  const epochs = createEpochs(needs, keys, clients, (error) => {
    errors.push(error);
    if (!(error as { statusCode?: number }).statusCode) console.error(error);
  });
  const interactions = createInteractions(epochs, indirect, keys.vault);
  await mountProvider(server, epochs, { issuer, jwksMaxAge: 600, vault: keys.vault, clock });
  server.get('/signin/:uid', async (request, reply) => {
    const interaction = await interactions.open(request.raw, reply.raw);
    if (!interaction) return reply.code(410).send('stale');
    asked.push(interaction);
    const given = {
      ...Object.fromEntries([...standing].map(([key, value]) => [key.split(' ')[1], value])),
      ...(await consents.standing(answered.person.accountId)),
    };
    const login = { login: { ...answered.person, remember: true } };
    const egret = { uid: interactions.newSessionUid(), consents: given, person: { maskedName: '测*' } };
    const result =
      answers.get(interaction.prompt) ??
      {
        login: { ...login, egret },
        step_up: { step_up: {} },
        roaming_notice: { roaming_notice: {} },
        consent: { consent: {} },
      }[interaction.prompt];
    // somebody else at this browser: what was there ends, as signin/ does it
    const other =
      interaction.prompt === 'login' &&
      interaction.session &&
      interaction.session.accountId !== answered.person.accountId;
    if (other) await answered.sessions.remove({ uid: interaction.session?.uid ?? '' });
    const forget = other ? interaction.uid : undefined;
    const to = await interactions.finish(request.raw, reply.raw, result as never, forget);
    return to ? reply.redirect(to, 303) : reply.code(410).send('finished');
  });
  await server.listen({ port, host: '::' });
  const answered: Op = {
    person,
    answers,
    asked,
    clients,
    wording: (id) => clients.snapshot().clients.get(id)!.itemsVersion,
    consents,
    keys,
    epochs,
    issuer,
    standing,
    database,
    errors,
    secret,
    endings,
    sessions: createBrowserSessions(indirect, keys.vault, needs.ended),
    events: async () => (await indirect.events(1000)).map((event) => event.stamp),
    engine,
    replaceState: (other) => {
      engine = other;
    },
  };
  return answered;
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((done) => {
    const probe = createServer().listen(0, () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}
