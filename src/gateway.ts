/**
 * The wiring: the only file that knows every room. It opens the stores, makes the rooms, mounts them on two listeners
 * (citizens and departments; operators on loopback), and closes them in the opposite order.
 */
import { randomBytes } from 'node:crypto';
import { createAccounts } from './accounts/accounts.ts';
import { type AuditTrail, createAttempts, createAudit } from './audit/audit.ts';
import { createBridge } from './bridge/bridge.ts';
import { createClients, readDefinitions } from './clients/clients.ts';
import { shiftedClock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { createConsents } from './consents/consents.ts';
import { refuseUnsafeStart } from './doctor/doctor.ts';
import { readings } from './gateway-readings.ts';
import { createKeys, loadKeyEncryptionKey } from './keys/keys.ts';
import { type CitizenNeeds, citizenListener } from './listener.ts';
import { errorPages } from './listener-errors.ts';
import { adminListener } from './observe/admin.ts';
import { createHealth, standings } from './observe/health.ts';
import { createMetrics } from './observe/metrics.ts';
import { createOutbox } from './outbox/outbox.ts';
import {
  createBrowserSessions,
  createEpochs,
  createInteractions,
  databaseState,
  deliverLogout,
  drainEvents,
  keyOf,
  oneTimeCodes,
  type ProviderNeeds,
  personalData,
  redisState,
  whileServing,
} from './provider/provider.ts';
import { createSessions, endedByUid } from './sessions/sessions.ts';
import { settleLater, tellOfEndings } from './signout/signout.ts';
import { storeAway } from './store/away.ts';
import { openDatabase } from './store/database.ts';
import { startEmbedded } from './store/embedded/embedded.ts';
import { storeEpochs } from './store/epochs.ts';
import { redisHeartbeat } from './store/heartbeat.ts';
import { unlessAway } from './store/known-away.ts';
import { migrate } from './store/migrate.ts';
import { openRedis, redisReady } from './store/redis.ts';
import { createCaps } from './web/caps.ts';
import { networkOf } from './web/network.ts';
import { withBreakers } from './web/outbound/breaker.ts';
import { createOutbound } from './web/outbound/outbound.ts';

export interface Gateway {
  listen(): Promise<void>;
  /**
   * Ends what runs, then every store. From the first moment it is not ready (`/readyz`); new connections are taken for
   * `grace` milliseconds more, so that a balancer has looked.
   */
  close(grace: number): Promise<void>;
}

export async function createGateway(
  config: Config,
  log: CitizenNeeds['log'],
  say: (line: object, text: string) => void,
): Promise<Gateway> {
  const development = config.mode === 'development';
  const offset = () => config.clockOffset;
  const clock = shiftedClock(offset);
  const { issuer, lifetimes } = config;
  const told = new Map<string, number>();
  const trouble = (room: string) => (error: unknown) => {
    const now = clock.monotonic();
    // what a store that is away means is told once (health); how a room sees it, once a minute, not once a try
    if (storeAway(error) && now - (told.get(room) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    if (storeAway(error)) told.set(room, now);
    say({ level: 'warn', room, code: (error as { code?: string }).code }, (error as Error).message);
  };

  // First of all, so that a file with a mistake is told before anything runs
  const definitions = development ? await readDefinitions([config.clientsFolder]) : [];

  // The stores: records, then protocol state
  const embedded = config.database.url ? undefined : await startEmbedded(config.dataFolder);
  const address = config.database.url ? { url: config.database.url } : embedded;
  const database = openDatabase({ ...address, max: config.database.poolSize });
  const watching = openDatabase({ ...address, max: 1 });
  const redis = config.redis.url
    ? openRedis(config.redis.url, { onError: trouble('redis'), commandTimeout: 900 })
    : undefined;
  const connected = async () => redis && redisReady(redis).then(() => redis);
  // Before anything is written: an unsafe store is left as it was found
  await refuseUnsafeStart({
    config,
    problems: [],
    now: systemClock.now,
    database: async () => database,
    redis: connected,
  });
  const applied = await migrate(database, { clock });
  if (applied.length > 0) say({ level: 'info', migrations: applied }, 'the records were brought up to date');
  await connected();
  const epochsOfRedis = storeEpochs({
    database,
    clock,
    record: (tx, buckets) => audit.record(tx, { type: 'store.epoch-begun', outcome: 'success', detail: { buckets } }),
    onBegun(buckets) {
      const text =
        'Redis restarted, lost its memory, was replaced, or a slot moved: what is single-use and older is void';
      say({ level: 'warn', room: 'redis', buckets }, text);
    },
    onTrouble: trouble('redis'),
  });
  const state = redis ? redisState(redis, epochsOfRedis, offset) : databaseState(database, offset);

  // The ground rooms
  const metrics = createMetrics();
  const kek = await loadKeyEncryptionKey(config.keyFile, { make: development, database });
  const keys = await createKeys<AuditTrail>({
    database,
    keyEncryptionKey: kek,
    clock,
    audit: (key) => createAudit({ database, clock, key, onEvent: metrics.event, onTrouble: trouble('audit') }),
    policy: { jwksMaxAge: lifetimes.jwksMaxAge * 1000, retiring: 48 * 3_600_000 },
    onTrouble: trouble('keys'),
  });
  const { vault, audit } = keys;
  const reference = (accountId: string): Buffer => vault.mac('audit-ref', accountId);
  const attempts = createAttempts({
    database,
    record: audit.record,
    clock,
    reference: (address) => vault.mac('audit-ref', `address\n${networkOf(address)}`),
    onTrouble: trouble('audit'),
  });
  const outbox = createOutbox({ database, vault, audit, clock, onTrouble: trouble('outbox') });
  const clients = await createClients({ database, vault, audit, clock, development });
  if (definitions.length > 0) await clients.apply(definitions);
  const heartbeat = redis && redisHeartbeat(redis);
  const sessions = createSessions({ database, clock, reading: watching, mirror: heartbeat?.mirror });
  const health = createHealth({
    clock,
    records: { look: sessions.refresh, age: () => sessions.told().age },
    state: state.ping,
    keys,
    ...(heartbeat && {
      heartbeat: {
        beat: heartbeat.beat,
        async listen(since: number) {
          const beat = await heartbeat.listen(since);
          sessions.hear(beat.endings);
          return beat;
        },
      },
    }),
    withoutRecords: lifetimes.withoutRecords * 1000,
    onChange(now, before) {
      const { text, code } = standings[now];
      say({ level: now === 'ready' ? 'info' : 'warn', room: 'health', standing: now, before, code }, text);
    },
  });
  // for requests: the rooms that only work behind them have the stores as they are
  const records = unlessAway(database, health.withoutRecords);
  const serving = whileServing(state, health.assure);
  const longest = lifetimes.sessionAbsolute * 1000;
  const consents = createConsents({
    database: records,
    audit,
    clock,
    reference,
    onWithdrawn: (tx, accountId, clientId, at) =>
      sessions.record(tx, { kind: 'consent', ref: `${accountId}\n${clientId}`, at, until: at + longest }),
  });
  const fetch = createOutbound({ development });
  const departments = withBreakers(fetch, clock);
  const bridge = createBridge({
    fetch,
    settings: { ...config.province, returnUrl: `${issuer}/signin/` },
    keys: () => keys.bridgeKeys(),
    clock,
    onAsked: metrics.provinceCall,
    log: {
      info: (details, text) => say({ level: 'info', ...details }, text),
      warn: (details, text) => say({ level: 'warn', ...details }, text),
    },
  });
  const accounts = createAccounts({
    database: records,
    vault,
    audit,
    outbox,
    clock,
    random: randomBytes,
    codes: oneTimeCodes(serving),
    province: { name: 'fujian', checkRealName: bridge.checkRealName },
    settings: config.accounts,
    onEnding: async (tx, { accountId, at }) => {
      await sessions.record(tx, { kind: 'account', ref: accountId, at, until: clock.now() + longest });
      await sessions.endAll(tx, accountId, 'account');
    },
  });

  const caps = createCaps({
    limits: config.limits,
    count: (key, windowMs, limit) => state.count(keyOf('Limit', key), windowMs, limit),
    knows: accounts.knowsBrowser,
  });

  // The provider, one instance an epoch
  const pages = errorPages();
  const needs: ProviderNeeds = {
    state: serving,
    vault,
    issuer,
    lifetimes,
    // the province has a breaker of its own, which asks whether it is there again (bridge/peer.ts)
    fetch: departments,
    refreshWindow: lifetimes.refreshWindow * 1000,
    now: clock.now,
    consent: consents.find,
    release: personalData({
      database: records,
      audit,
      agreed: (tx, accountId, clientId, scopes) => {
        const itemsVersion = clients.snapshot().clients.get(clientId)?.itemsVersion ?? '';
        return consents.agreed(tx, { accountId, clientId, itemsVersion }, scopes);
      },
      account: accounts.accountForClaims,
      reference,
    }),
    ended: endedByUid(sessions),
    stamp: (type, { client, account, what }) =>
      audit.stamp({
        type,
        outcome: type === 'token.replayed' ? 'refused' : 'success',
        ...(client ? { client } : {}),
        ...(account ? { subject: reference(account) } : {}),
        ...(what
          ? {
              detail:
                type === 'token.issued'
                  ? { grantType: what }
                  : type === 'token.replayed' || type === 'token.revoked'
                    ? { token: what }
                    : {},
            }
          : {}),
      } as never),
    unsent: (events, why) => {
      for (const event of events) audit.unsent(event, why);
    },
    errorPage: pages.draw,
    attempts,
    begun: (address, browser) => caps('interactionsPerAddress', address, browser),
    clientState: (clientId) => clients.snapshot().clients.get(clientId)?.state,
  };
  const epochs = createEpochs(needs, keys, clients, trouble('provider'));
  const interactions = createInteractions(epochs, serving, vault);
  const browserSessions = createBrowserSessions(serving, vault, needs.ended);
  const forEndings = { database, audit, outbox, sessions, browserSessions, clients, clock, reference };
  const notices = tellOfEndings({ ...forEndings, onTrouble: trouble('sign-out') });
  const drain = drainEvents({ state, database, audit, also: settleLater(forEndings), onTrouble: trouble('audit') });

  const citizens = await citizenListener({
    config,
    log,
    clock,
    vault,
    database: records,
    audit,
    attempts,
    outbox,
    clients,
    sessions,
    consents,
    accounts,
    bridge,
    state: serving,
    epochs,
    interactions,
    browserSessions,
    metrics,
    health,
    pages,
    caps,
    reference,
  });
  let ending = false;
  const adminHost = `localhost:${config.admin.port}`;
  const ready = () => standings[health.standing()].ready && !ending;
  const checks = async () => {
    const looked = await health.seen();
    const standing = health.standing();
    const { code } = standings[standing];
    const told = (there: boolean) => (there ? 'ok' : 'unreachable');
    const stale = keys.age() < 10_000 ? 'ok' : 'stale';
    const stores = { database: told(looked.records), state: told(looked.state), keys: stale };
    if (ending) return { ok: false, reason: 'ending', ...stores };
    return { ok: ready(), reason: standing, code, ...stores };
  };
  const reads = readings({
    ready,
    departments,
    clock,
    health,
    sessions,
    keys,
    clients,
    accounts,
    bridge,
    outbox,
    audit,
    drain,
  });
  const admin = adminListener({
    hosts: [adminHost, `127.0.0.1:${config.admin.port}`],
    checks,
    reads,
    metrics,
    log: (details, text) => say({ level: 'warn', room: 'admin', ...details }, text),
    bridgeKeys: () =>
      keys.bridgeKeys().map(({ keyId, sign, encrypt, notBefore, notAfter }) => ({
        keyId,
        signKey: sign.publicKey,
        encKey: encrypt.publicKey,
        notBefore,
        notAfter,
      })),
  });

  const sweeps = setInterval(() => {
    for (const sweep of [state.sweep, accounts.sweep, sessions.sweep]) sweep().catch(trouble('sweep'));
  }, 60_000);
  sweeps.unref();

  return {
    async listen() {
      keys.start();
      health.start();
      audit.start();
      attempts.start();
      drain.start();
      await Promise.all([clients.start(), sessions.start()]);
      outbox.start({
        sms: async ({ id, to, body }, signal) => {
          const { template, params } = body as { template: string; params: Record<string, string | number> };
          const sent = await bridge.sendSms({ requestId: id, mobile: to, template, params }, signal);
          if (sent.ok) return 'delivered';
          return sent.behaviour === 'outage' || sent.behaviour === 'later' ? { retry: sent.code } : { dead: sent.code };
        },
        logout: deliverLogout(epochs, clients),
      });
      notices.start();
      await database.begin((tx) =>
        audit.record(tx, { type: 'process.started', outcome: 'success', detail: { role: 'gateway' } }),
      );
      for (const host of config.listen.hosts)
        await citizens.listen(host, config.listen.port).catch((error: NodeJS.ErrnoException) => {
          // containers often have no IPv6, and ::1 is among the defaults
          const absent = error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT';
          if (!absent || host !== '::1' || config.listen.hosts.length === 1) throw error;
          say({ level: 'warn', host }, 'this machine has no IPv6: the other addresses are listened on');
        });
      await admin.listen({ host: config.admin.host, port: config.admin.port });
    },
    async close(grace) {
      ending = true;
      say({ grace }, 'ending');
      await citizens.close(grace);
      clearInterval(sweeps);
      health.stop();
      bridge.close();
      await notices.stop();
      await outbox.stop();
      await Promise.all([clients.stop(), sessions.stop()]);
      await Promise.all([drain.stop(), attempts.stop()]);
      await database
        .begin((tx) => audit.record(tx, { type: 'process.stopped', outcome: 'success', detail: { reason: 'signal' } }))
        .catch(() => {}); // the records are away: the next start says that this process ended without a word
      await audit.stop().catch(() => {});
      await admin.close();
      await keys.stop();
      await state.close();
      await Promise.all([database.close(), watching.close()]);
      embedded?.release();
    },
  };
}
