import { limitsTable, readConfig } from '../config.ts';
import { catalogue } from '../errors.ts';
import { metricsPage } from '../observe/metrics-page.ts';
import { checkConfiguration } from './doctor.ts';
import { fields } from './print.ts';
import type { Verb } from './verb.ts';

export const verbs: Readonly<Record<string, Verb>> = {
  check: {
    about: 'Checks the configuration, naming every problem, and shows what is in force; passwords are left out.',
    example: 'egret config check',
    reads: true,
    async run() {
      const read = readConfig();
      const { config } = read;
      const { ok, data, lines, aside } = await checkConfiguration(read);
      if (!ok) return { ok, data, lines, aside };
      const { mode, issuer, dataFolder, keyFile, clientsFolder } = config;
      const database = masked(config.database);
      const redis = masked(config.redis);
      return {
        data: { ...config, database, redis },
        lines: [
          'the configuration is in order',
          ...fields({
            mode,
            issuer,
            database: database.url ?? `embedded, in ${dataFolder}`,
            'protocol state': redis.url ?? 'in the database',
            'key file': keyFile,
            clients: clientsFolder,
          }),
        ],
      };
    },
  },
  limits: {
    about: 'Prints docs/limits.md: every setting with unit, bounds, default and meaning.',
    example: 'egret config limits > docs/limits.md',
    run: async () => ({ lines: [limitsTable().trimEnd()] }),
  },
  errors: {
    about: 'Prints docs/errors.md: every code of the catalogue.',
    example: 'egret config errors > docs/errors.md',
    run: async () => ({ lines: [errorsTable().trimEnd()] }),
  },
  metrics: {
    about: 'Prints docs/metrics.md: every metric with its labels, and what it is good for.',
    example: 'egret config metrics > docs/metrics.md',
    run: async () => ({ lines: [metricsPage().trimEnd()] }),
  },
};

function masked<T extends { readonly url?: string }>(store: T): T {
  const url = store.url === undefined ? undefined : URL.parse(store.url);
  if (store.url === undefined) return store;
  if (!url) return { ...store, url: '(set)' };
  if (url.password) url.password = '***';
  // libpq takes a password here as well.
  if (url.searchParams.has('password')) url.searchParams.set('password', '***');
  return { ...store, url: url.href };
}

/** `docs/errors.md`. */
export function errorsTable(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = Object.entries(catalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { status, zh, en, integrator }]) =>
        `| \`${code}\` | ${status} | ${[zh, en, integrator].map(cell).join(' | ')} |`,
    );
  return [
    '# Error codes',
    '',
    'Made by `egret config errors` from the catalogue in the code; a test compares them. A code keeps its meaning once it is',
    'published. `EG-P####` mirrors a code of the province (省统一认证).',
    '',
    '| code | status | to the person (zh-CN) | to the person (en) | to the integrator |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
