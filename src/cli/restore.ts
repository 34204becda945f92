import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Found, lookAtTarget, openBackup, restoreBackup } from '../backup/backup.ts';
import { EgretError } from '../errors.ts';
import { readKeyEncryptionKey } from '../keys/keys.ts';
import { operatorReference } from './open.ts';
import { time } from './print.ts';
import { byCommandLine, type Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    args: ['FILE'],
    options: { replace: { type: 'boolean' }, yes: { type: 'boolean' } },
    shown: '[--replace [--yes]]',
    about:
      'Puts a backup into an empty database, or, asked twice, in place of what is there (--yes: not asked). Everybody ' +
      'is signed out.',
    example: 'egret restore egret-monday.backup',
    async run(call) {
      const path = resolve(call.args[0] ?? '');
      const { keyFile, lifetimes } = call.config;
      const key = await readKeyEncryptionKey(keyFile);
      if (!key)
        throw new EgretError('EG-1803', {
          log: `${keyFile} is missing: put back the key-encryption key of the time of the backup, from its own copy`,
        });
      const backup = await openBackup(path, key);
      try {
        const { database, clock, inside } = await call.rooms({ blank: true });
        const replace = call.values.replace === true;
        if (replace && call.values.yes !== true) await ask(await lookAtTarget(database), backup.manifest.made);
        const { rows, sessions, migrations, before } = await restoreBackup(backup, {
          database,
          clock,
          key,
          operator: operatorReference,
          by: byCommandLine,
          longest: lifetimes.sessionAbsolute * 1_000,
          replace,
        });
        const { audit } = await inside();
        await audit.chainOnce();
        const trail = await audit.verify();
        const { manifest } = backup;
        const made = time(manifest.made);
        const lost = before.audit.number + before.audit.waiting - manifest.audit.number - manifest.audit.waiting;
        return {
          ok: trail.ok,
          lines: [
            `${rows} rows of ${manifest.parts.length} tables, as of ${made}`,
            ...migrations.map((name) => `applied ${name}`),
            `every session is ended; ${sessions} stood in the backup`,
            trail.ok
              ? `the audit trail is whole: ${trail.events} events; it ended at ${manifest.audit.number} when the backup was made`
              : `the audit trail is NOT whole: ${trail.problems.length} problems, see \`egret audit verify\``,
            lost > 0
              ? `${lost} events that the replaced database recorded after the backup are gone with it`
              : `what was recorded after ${made} is not in it, and nobody here can say how much that was`,
          ],
          aside: [
            `Whatever was done after ${made} is undone: do again what disabled accounts, stopped clients, withdrew consents, set passwords or revoked keys.`,
            ...(trail.ok ? [] : ['EG-1811  The audit trail is not what it was.']),
          ],
        };
      } finally {
        await backup.close();
      }
    },
  },
};

/** Twice, and the second answer cannot be given without having read. */
async function ask(found: Found, made: number): Promise<void> {
  if (found.empty) return;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const lines = asking[Symbol.asyncIterator]();
  const answer = async (question: string): Promise<string> => {
    process.stderr.write(question);
    return String((await lines.next()).value ?? '').trim();
  };
  const { accounts, audit } = found;
  try {
    if (
      (await answer(
        `This database holds ${accounts} accounts and ${audit.number} chained events. Forget them, and go back to ${time(made)}? (yes) `,
      )) === 'yes' &&
      (await answer('There is no way back. How many accounts will be forgotten? ')) === String(accounts)
    )
      return;
  } finally {
    asking.close();
  }
  throw new EgretError('EG-1942', { log: 'nobody agreed that what is there may be replaced: nothing was changed' });
}
