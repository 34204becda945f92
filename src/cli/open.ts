import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Accounts, createAccounts } from '../accounts/accounts.ts';
import { type AuditTrail, createAudit } from '../audit/audit.ts';
import { type Clients, createClients } from '../clients/clients.ts';
import { type Clock, shiftedClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { EgretError } from '../errors.ts';
import { createKeys, type Keys, loadKeyEncryptionKey, type Vault } from '../keys/keys.ts';
import { createOutbox, type OutboxService } from '../outbox/outbox.ts';
import { createSessions } from '../sessions/sessions.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { startEmbedded } from '../store/embedded/embedded.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';

export interface OpenOptions {
  /** Applies what is pending; else a database that is not at this version is refused. */
  readonly migrate?: boolean;
  /** Takes any database, also one that is not there yet, and looks at nothing in it: what comes is a restore. */
  readonly blank?: boolean;
}

/** The rooms as the command line needs them: nothing is started, nothing is delivered. */
export interface Rooms {
  readonly clock: Clock;
  readonly database: Database;
  /** What `migrate` applied. */
  readonly applied: readonly string[];
  /** The other rooms, and with them the keys: opened when first asked for. */
  inside(): Promise<Inside>;
  close(): Promise<void>;
}

export interface Inside {
  readonly keys: Keys<AuditTrail>;
  readonly audit: AuditTrail;
  readonly outbox: OutboxService;
  readonly clients: Clients;
  readonly accounts: Accounts;
  /** How the audit trail names who acts here: a keyed reference to the user of the operating system. */
  readonly operator: Buffer;
}

/** Opens the records: the server of the configuration, or the embedded one beside a gateway that runs, or alone. */
export async function openRooms(config: Config, options: OpenOptions = {}): Promise<Rooms> {
  const clock = shiftedClock(() => config.clockOffset);
  const { url } = config.database;
  // A question must not make a database.
  if (!url && !options.migrate && !options.blank && !fs.existsSync(join(config.dataFolder, 'pg/PG_VERSION')))
    throw new EgretError('EG-1903', {
      log: `There is no database in ${config.dataFolder} yet: run \`egret migrate\`, or start Egret once.`,
    });
  const embedded = url ? undefined : await startEmbedded(config.dataFolder);
  const database = openDatabase({ ...(url ? { url } : embedded), max: 3, applicationName: 'egret-cli' });
  let opened: Promise<Inside> | undefined;
  const close = async (): Promise<void> => {
    // What was done here is chained at once, because nobody else may be running.
    const inside = await opened?.catch(() => undefined);
    if (inside && inside.audit.counters.recorded > 0) await inside.audit.stop();
    await database.close();
    embedded?.release();
  };
  try {
    const applied = options.migrate ? await migrate(database, { clock }) : [];
    const pending = options.migrate || options.blank ? [] : await pendingMigrations(database);
    if (pending.length > 0)
      throw new EgretError('EG-1903', {
        log: `The database lacks ${pending.join(', ')}: run \`egret migrate\`, or start Egret once.`,
      });
    return {
      clock,
      database,
      applied,
      inside() {
        opened ??= openInside(config, database, clock);
        return opened;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openInside(config: Config, database: Database, clock: Clock): Promise<Inside> {
  const development = config.mode === 'development';
  const keys = await createKeys({
    database,
    keyEncryptionKey: await loadKeyEncryptionKey(config.keyFile, { make: development, database }),
    clock,
    audit: (key) => createAudit({ database, clock, key }),
    policy: { jwksMaxAge: config.lifetimes.jwksMaxAge * 1_000, retiring: 48 * 3_600_000 },
  });
  const { vault, audit } = keys;
  const outbox = createOutbox({ database, vault, audit, clock });
  const clients = await createClients({ database, vault, audit, clock, development });
  const sessions = createSessions({ database, clock });
  const never = (): never => {
    throw new EgretError('EG-1700', { log: 'the command line sends no codes and asks no province' });
  };
  const accounts = createAccounts({
    database,
    vault,
    audit,
    outbox,
    clock,
    random: randomBytes,
    codes: { put: async () => never(), guess: async () => never() },
    province: { name: 'none', checkRealName: async () => never() },
    settings: config.accounts,
    // Other processes refuse what began before; the list of a person's sign-ins says so too.
    async onEnding(tx, { accountId, at }) {
      const until = clock.now() + config.lifetimes.sessionAbsolute * 1_000;
      await sessions.record(tx, { kind: 'account', ref: accountId, at, until });
      await sessions.endAll(tx, accountId, 'staff');
    },
  });
  return { keys, audit, outbox, clients, accounts, operator: operatorReference(vault) };
}

/** A keyed reference to the user of the operating system. */
export const operatorReference = (vault: Vault): Buffer => vault.mac('audit-ref', `os-user:${operatorName()}`);

/** A container may run under a number that has no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
