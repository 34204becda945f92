import { resolve } from 'node:path';
import { makeBackup } from '../backup/backup.ts';
import { readKeyEncryptionKey } from '../keys/keys.ts';
import { time } from './print.ts';
import { byCommandLine, type Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  '': {
    args: ['FILE'],
    about:
      'Writes every record to a new file, as of one moment, while gateways go on. Protocol state (sessions) is not in ' +
      'it, and the key-encryption key never.',
    example: 'egret backup egret-monday.backup',
    async run(call) {
      const path = resolve(call.args[0] ?? '');
      const { database, clock, inside } = await call.rooms();
      const { audit, operator } = await inside();
      const key = (await readKeyEncryptionKey(call.config.keyFile)) ?? Buffer.alloc(32);
      const { manifest, bytes } = await makeBackup({ database, clock, audit, key, operator, by: byCommandLine }, path);
      const rows = manifest.parts.reduce((sum, part) => sum + part.rows, 0);
      return {
        lines: [
          `${path}: ${rows} rows of ${manifest.parts.length} tables, ${bytes} bytes, as of ${time(manifest.made)}`,
          `the audit chain in it ends at ${manifest.audit.number}`,
        ],
        aside: [
          `The key-encryption key (${manifest.keyEncryptionKey}) is not in it, and without it nothing in it opens: keep its file elsewhere.`,
        ],
      };
    },
  },
};
