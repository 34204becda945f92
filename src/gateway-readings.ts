import type { Accounts } from './accounts/accounts.ts';
import type { AuditTrail } from './audit/audit.ts';
import type { Bridge } from './bridge/bridge.ts';
import type { ClientRecord, Clients } from './clients/clients.ts';
import type { Clock } from './clock.ts';
import type { Keys } from './keys/keys.ts';
import { type Health, type Standing, standings } from './observe/health.ts';
import type { Read } from './observe/metrics.ts';
import type { OutboxService } from './outbox/outbox.ts';
import type { drainEvents } from './provider/provider.ts';
import type { Sessions } from './sessions/sessions.ts';

/** What a scrape asks the rooms, beside what was counted as it happened. */
export function readings(rooms: {
  /** Whether this process may be sent requests. */
  readonly ready: () => boolean;
  readonly departments: { resting(): number };
  readonly clock: Clock;
  readonly health: Health;
  readonly sessions: Sessions;
  readonly keys: Keys;
  readonly clients: Clients;
  readonly accounts: Accounts;
  readonly bridge: Bridge;
  readonly outbox: OutboxService;
  readonly audit: AuditTrail;
  readonly drain: Pick<ReturnType<typeof drainEvents>, 'backlog'>;
}): readonly Read[] {
  const { ready, departments, clock, health, sessions, keys, clients, accounts, bridge, outbox, audit, drain } = rooms;
  const since = (at: number | undefined): number => (at === undefined ? 0 : Math.max(0, clock.now() - at) / 1000);
  return [
    () => ({
      egret_breaker_open: { province: bridge.status().up ? 0 : 1, sms: bridge.smsStatus().up ? 0 : 1 },
      egret_departments_resting: departments.resting(),
      egret_outbox_attempts_total: {
        delivered: outbox.counters.delivered,
        retried: outbox.counters.retried,
        dead: outbox.counters.dead,
      },
      egret_audit_chained_total: audit.counters.chained,
      egret_audit_rejected_total: audit.counters.rejected,
      egret_endings_heard_total: sessions.told().heard,
      egret_endings_held: sessions.told().held,
      egret_endings_age_seconds: sessions.told().age / 1000,
      egret_hashes_waiting: accounts.hashesWaiting(),
      egret_key_epoch: keys.epoch,
      egret_key_age_seconds: keys.age() / 1000,
      egret_clients: active(clients.snapshot().clients),
    }),
    async () => {
      const { records, state } = await health.seen();
      const now = health.standing();
      const each = Object.keys(standings).map((standing) => [standing, standing === now ? 1 : 0]);
      return {
        egret_store_up: { records: records ? 1 : 0, state: state ? 1 : 0 },
        egret_ready: ready() ? 1 : 0,
        egret_standing: Object.fromEntries(each) as Record<Standing, number>,
      };
    },
    async () => {
      const { waiting, oldest } = await outbox.backlog();
      return { egret_outbox_waiting: waiting, egret_outbox_oldest_seconds: since(oldest) };
    },
    async () => {
      const { waiting, oldest } = await audit.backlog();
      return { egret_audit_unchained: waiting, egret_audit_unchained_seconds: since(oldest) };
    },
    async () => {
      const { waiting, fullest, oldest } = await drain.backlog();
      return {
        egret_audit_stream_waiting: waiting,
        egret_audit_stream_fullest: fullest,
        egret_audit_stream_seconds: since(oldest),
      };
    },
  ];
}

const active = (clients: ReadonlyMap<string, ClientRecord>): number =>
  [...clients.values()].filter((client) => client.state === 'active').length;
