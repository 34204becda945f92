/**
 * The configuration: `config/egret.yaml` and the environment, checked against one table (config/settings.ts) before
 * anything else happens. It is the only reader of the environment. Unknown keys are refused, and every problem is told
 * at once. It opens nothing and makes nothing: the rooms get the values they need as arguments.
 */
import { join, resolve } from 'node:path';
import Value from 'typebox/value';
import { contradictions, misconfigured } from './config/contradictions.ts';
import { fromEnvironment, projectRoot, readTree, schemaProblems, unknownVariables } from './config/reading.ts';
import { parseRedisUrl } from './config/redis-address.ts';
import { allSettings } from './config/settings.ts';
import type { Config } from './config/shape.ts';
import { at, put, type Tree } from './config/tree.ts';
import { type Problem, Refused } from './errors-problems.ts';

export { limitsTable } from './config/limits-page.ts';
export { projectRoot } from './config/reading.ts';
export { parseRedisUrl, type RedisAddress, redisUrlForms } from './config/redis-address.ts';
export type { Cap, Config } from './config/shape.ts';

interface From {
  readonly env?: NodeJS.ProcessEnv;
  /** A file that is named, here or by EGRET_CONFIG, must be there; without `config/egret.yaml` the defaults hold. */
  readonly file?: string;
}

/** The configuration in force. EG-1901 (`Refused`) names every problem. */
export function loadConfig(from: From = {}): Config {
  const { config, problems } = readConfig(from);
  if (problems.length > 0) throw new Refused(problems, 'EG-1901');
  return config;
}

/** What there is, and everything that is wrong with it: what has no shape has its default in `config`. */
export function readConfig(from: From = {}): { readonly config: Config; readonly problems: readonly Problem[] } {
  const env = from.env ?? process.env;
  const wrong: string[] = [];
  const given = readTree(from.file ?? env.EGRET_CONFIG, wrong);
  for (const setting of allSettings()) {
    if (setting.secret && hasPassword(at(given, setting.path)))
      wrong.push(
        `${setting.path.join('.')} holds a password: give it in ${setting.env}_FILE or ${setting.env} instead`,
      );
    const value = fromEnvironment(setting, env, wrong);
    if (value !== undefined) put(given, setting.path, value);
  }
  const misshapen = allSettings().filter(
    ({ path, schema }) => at(given, path) !== undefined && !Value.Check(schema, at(given, path)),
  );
  wrong.push(...unknownVariables(env), ...schemaProblems(given));
  // The rest is checked with the defaults in place of what has no shape, so that everything is told at once.
  const names = misshapen.map(({ path }) => path.join('.'));
  const config = resolved(given, new Set(names));
  const contradicted = contradictions(config).filter(({ text }) => !names.some((name) => text.includes(name)));
  return { config, problems: [...[...new Set(wrong)].map(misconfigured), ...contradicted] };
}

function resolved(given: Tree, passedOver: ReadonlySet<string>): Config {
  const tree: Tree = {};
  for (const { path, default: standard, times = 1 } of allSettings()) {
    const value = (passedOver.has(path.join('.')) ? undefined : at(given, path)) ?? standard;
    put(tree, path.map(camel), typeof value === 'number' ? value * times : value);
  }
  // What most programs mean by it, and never by accident nobody.
  if (given.trusted_proxies === true) tree.trustedProxies = ['0.0.0.0/0', '::/0'];
  const config = tree as unknown as Config;
  const { basePort } = config;
  const absolute = (path: string) => resolve(projectRoot, path);
  const dataFolder = absolute(config.dataFolder);
  return {
    ...config,
    issuer: config.issuer ?? `http://localhost:${basePort}`,
    listen: {
      ...config.listen,
      port: config.listen.port ?? basePort,
      grace: config.listen.grace ?? (config.mode === 'production' ? 5_000 : 0),
    },
    admin: { ...config.admin, port: config.admin.port ?? basePort + 1 },
    dataFolder,
    keyFile: absolute(config.keyFile),
    clientsFolder: absolute(config.clientsFolder),
    province: {
      ...config.province,
      url: config.province.url ?? `http://127.0.0.1:${basePort + 100}`,
      platformKeysFile: config.province.platformKeysFile
        ? absolute(config.province.platformKeysFile)
        : join(dataFolder, 'province/platform-public.json'),
    },
  };
}

const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && Boolean(URL.parse(value)?.password || parseRedisUrl(value)?.password);
}
