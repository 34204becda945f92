/**
 * Departments' systems as OIDC clients: their records, loaded from files by `egret clients apply`, read from a snapshot
 * in memory that follows every change within a second. A stopped client is absent from what the provider gets. It does
 * not own what people agreed to give them (consents) nor the protocol (provider). No routes; `egret clients` is its
 * command.
 */
import { randomBytes } from 'node:crypto';
import type { Audit, Reference } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { type ClientRecord, type Definition, problemsOf } from './department.ts';
import { type ClientRow, changedFields, recordOf } from './record.ts';

export { readDefinitions } from './definitions.ts';
export { type ClientRecord, type Definition, type Item, problemsOf } from './department.ts';
export { toMetadata } from './metadata.ts';
export { departmentOf } from './shown.ts';

export interface Change {
  readonly clientId: string;
  readonly change: 'new' | 'changed' | 'same';
  readonly fields: readonly string[];
}

export interface Clients {
  snapshot(): { readonly version: number; readonly clients: ReadonlyMap<string, ClientRecord> };
  /** Called after a changed snapshot is in force here; returns how to stop. */
  onChange(listener: () => void): () => void;
  refresh(): Promise<void>;
  /** What `apply` would do. */
  diff(definitions: readonly unknown[]): Promise<Change[]>;
  /** Writes what differs, in one transaction; clients not among the definitions stay. EG-1601 names every problem. */
  apply(definitions: readonly unknown[], by?: string, actor?: Reference): Promise<Change[]>;
  /** False when there is no such client, or it is so already. A stopped one is refused everywhere within a second. */
  stopClient(clientId: string, reason: string, actor?: Reference): Promise<boolean>;
  startClient(clientId: string, actor?: Reference): Promise<boolean>;
  /** A new secret of 256 bits, told this once; the one before it goes on until the next. Undefined: no such client. */
  newSecret(clientId: string, actor?: Reference): Promise<string | undefined>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const channel = 'egret_clients';

export async function createClients(options: {
  readonly database: Database;
  /** Secrets rest as a keyed hash under the keys room's key. */
  readonly vault: { mac(purpose: 'client-secret', value: string): Buffer };
  readonly audit: Audit;
  readonly clock: Clock;
  /** Whether http on loopback is allowed. */
  readonly development: boolean;
}): Promise<Clients> {
  const { database, vault, audit, clock, development } = options;
  const { sql } = database;
  const listeners = new Set<() => void>();
  let current: ReturnType<Clients['snapshot']> = { version: 0, clients: new Map() };
  let timer: NodeJS.Timeout | undefined;
  let listening: { unlisten(): Promise<void> } | undefined;

  async function read(): Promise<void> {
    const [row] = await sql<{ version: string }[]>`select version from clients_version`;
    const version = Number(row?.version ?? 0);
    if (version === current.version) return;
    const rows = await sql<ClientRow[]>`
      select definition, state, (select array_agg(hash order by created_at desc) from client_secrets s where s.client_id = c.client_id) as secrets
      from clients c order by client_id`;
    current = { version, clients: new Map(rows.map((row) => [row.definition.client_id, recordOf(row)])) };
    for (const listener of listeners) listener();
  }
  let last: Promise<void> = Promise.resolve();
  const refresh = (): Promise<void> => {
    last = last.then(read, read);
    return last;
  };
  /**
   * One change: written, audited, numbered and told in one transaction; in force here when it resolves. False, and
   * nothing of it done, where the work found nothing to change.
   */
  async function change(
    work: (tx: Parameters<Parameters<Database['begin']>[0]>[0]) => Promise<undefined | false>,
  ): Promise<boolean> {
    const changed = await database.begin(async (tx) => {
      if ((await work(tx)) === false) return false;
      await tx`update clients_version set version = version + 1`;
      await tx`select pg_notify(${channel}, '')`;
      return true;
    });
    await refresh();
    return changed;
  }
  async function diff(definitions: readonly unknown[]): Promise<Change[]> {
    const wrong = definitions.flatMap((definition) => problemsOf(definition, development));
    const ids = definitions.map((definition) => (definition as Definition | null)?.client_id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`${id} is defined twice`);
    if (wrong.length > 0) throw new EgretError('EG-1601', { log: [...new Set(wrong)].join('\n') });
    await refresh();
    return (definitions as Definition[]).map((definition) => {
      const known = current.clients.get(definition.client_id);
      if (!known) return { clientId: definition.client_id, change: 'new', fields: [] };
      const fields = changedFields(known, definition);
      return { clientId: definition.client_id, change: fields.length > 0 ? 'changed' : 'same', fields };
    });
  }
  const setState = async (
    clientId: string,
    state: 'active' | 'stopped',
    reason: string,
    actor?: Reference,
  ): Promise<boolean> => {
    return await change(async (tx) => {
      const { count } = await tx`
        update clients set state = ${state}, updated_at = ${new Date(clock.now())}
        where client_id = ${clientId} and state <> ${state}`;
      if (count === 0) return false;
      await audit.record(tx, {
        type: state === 'stopped' ? 'client.stopped' : 'client.restarted',
        outcome: 'success',
        ...by(actor),
        client: clientId,
        detail: { reason },
      });
    });
  };
  await refresh();
  return {
    snapshot: () => current,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
    diff,
    async apply(definitions, way = 'file', actor) {
      const changes = await diff(definitions);
      const changed = changes.filter((each) => each.change !== 'same');
      if (changed.length > 0) {
        await change(async (tx) => {
          for (const { clientId, change: what, fields } of changed) {
            const definition = (definitions as Definition[]).find((each) => each.client_id === clientId)!;
            await tx`insert into clients (client_id, definition, updated_at)
              values (${clientId}, ${JSON.stringify(definition)}::text::jsonb, ${new Date(clock.now())})
              on conflict (client_id) do update set definition = excluded.definition, updated_at = excluded.updated_at`;
            await audit.record(tx, {
              type: 'client.applied',
              outcome: 'success',
              ...by(actor),
              client: clientId,
              detail: { change: what, fields: [...fields], by: way },
            });
          }
        });
      }
      return changes;
    },
    stopClient: (clientId, reason, actor) => setState(clientId, 'stopped', reason, actor),
    startClient: (clientId, actor) => setState(clientId, 'active', 'started', actor),
    async newSecret(clientId, actor) {
      await refresh();
      const record = current.clients.get(clientId);
      if (record?.auth !== 'client_secret_basic') return undefined;
      const secret = randomBytes(32).toString('base64url');
      const made = vault.mac('client-secret', secret);
      await change(async (tx) => {
        await tx`select from clients where client_id = ${clientId} for update`; // two at once leave two, not three
        await tx`insert into client_secrets (client_id, hash, created_at) values (${clientId}, ${made}, ${new Date(clock.now())})`;
        // the new one stays, also where the clock of whoever made the others is ahead
        await tx`delete from client_secrets where client_id = ${clientId} and hash not in (
          select hash from client_secrets where client_id = ${clientId} order by hash = ${made} desc, created_at desc limit 2)`;
        await audit.record(tx, {
          type: 'client.secret',
          outcome: 'success',
          ...by(actor),
          client: clientId,
          detail: { step: 'made' },
        });
      });
      return secret;
    },
    async start() {
      const ignore = () => {}; // the records are unreachable: readiness says so, the next tick reads again
      listening = await sql.listen(channel, () => void refresh().catch(ignore));
      timer = setInterval(() => void refresh().catch(ignore), 900);
      timer.unref();
      await refresh();
    },
    async stop() {
      clearInterval(timer);
      await listening?.unlisten();
    },
  };
}

const by = (actor: Reference | undefined) => (actor === undefined ? {} : { actor });
