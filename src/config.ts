/**
 * The configuration: `config/egret.yaml` and the environment, checked against one table (config-settings.ts) before
 * anything else happens. It is the only reader of the environment. Unknown keys are refused, and every problem is told
 * at once. It opens nothing and makes nothing: the rooms get the values they need as arguments.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import Value from 'typebox/value';
import { parse } from 'yaml';
import { allSettings, type Setting, settings } from './config-settings.ts';
import { EgretError } from './errors.ts';

/** The project's folder: relative paths of the configuration begin here. */
export const projectRoot = resolve(import.meta.dirname, '..');

/** A cap: so many within so many seconds. */
export interface Cap {
  readonly count: number;
  readonly seconds: number;
}

export interface Config {
  readonly mode: 'development' | 'production';
  readonly basePort: number;
  /** An origin without a slash at its end. */
  readonly issuer: string;
  readonly listen: { readonly hosts: readonly string[]; readonly port: number };
  readonly admin: { readonly host: '127.0.0.1' | '::1'; readonly port: number };
  /** This and the other paths are absolute. */
  readonly dataFolder: string;
  readonly keyFile: string;
  readonly clientsFolder: string;
  /** Without a URL: the embedded PostgreSQL of the data folder. */
  readonly database: { readonly url?: string; readonly poolSize: number };
  /** Without a URL: protocol state in PostgreSQL. */
  readonly redis: { readonly url?: string };
  readonly trustedProxies: readonly string[];
  /** Seconds. */
  readonly lifetimes: {
    readonly code: number;
    readonly accessToken: number;
    readonly idToken: number;
    readonly clientCredentials: number;
    readonly interaction: number;
    readonly sessionIdle: number;
    readonly sessionAbsolute: number;
    readonly refreshWindow: number;
    readonly jwksMaxAge: number;
  };
  /** Caps an address. */
  readonly limits: {
    readonly signInPerAddress: Cap;
    readonly codesPerAddress: Cap;
    readonly registrationsPerAddress: Cap;
    readonly realNamePerAddress: Cap;
  };
  /** Settings of the accounts room as it takes them: times in milliseconds. */
  readonly accounts: {
    readonly passwordTries: number;
    readonly firstPause: number;
    readonly longestPause: number;
    readonly messagesADay: number;
    readonly messagesKept: number;
    readonly resendAfter: number;
    readonly codeLife: number;
    readonly guessesAnHour: number;
    readonly guessesKept: number;
    readonly identityAnswersADay: number;
    readonly checksADayAccount: number;
    readonly checksADayNumber: number;
    readonly checksKept: number;
    readonly mobileTrust: number;
    readonly smsHold: number;
    readonly knownBrowsers: number;
    readonly argon2: { readonly memoryCost: number; readonly timeCost: number; readonly parallelism: number };
    readonly hashesWaiting: number;
  };
  readonly province: { readonly url: string; readonly callerCode: string; readonly platformKeysFile: string };
  /** Milliseconds. */
  readonly clockOffset: number;
  readonly logLevel: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
}

type Tree = { [name: string]: unknown };

/**
 * The configuration in force. EG-1901 names every problem, a line each. `file` (or EGRET_CONFIG) that is named must be
 * there; without `config/egret.yaml` the defaults hold.
 */
export function loadConfig(options: { env?: NodeJS.ProcessEnv; file?: string } = {}): Config {
  const env = options.env ?? process.env;
  const problems: string[] = [];
  const given = readTree(options.file ?? env.EGRET_CONFIG, problems);
  for (const setting of allSettings()) {
    if (setting.secret && hasPassword(at(given, setting.path)))
      problems.push(
        `${setting.path.join('.')} holds a password: give it in ${setting.env}_FILE or ${setting.env} instead`,
      );
    const value = fromEnvironment(setting, env, problems);
    if (value !== undefined) put(given, setting.path, value);
  }
  const misshapen = allSettings().filter(
    ({ path, schema }) => at(given, path) !== undefined && !Value.Check(schema, at(given, path)),
  );
  problems.push(...unknownVariables(env), ...schemaProblems(given));
  // The rest is checked with the defaults in place of what has no shape, so that everything is told at once.
  const names = misshapen.map(({ path }) => path.join('.'));
  const config = resolved(given, new Set(names));
  problems.push(...contradictions(config).filter((text) => !names.some((name) => text.includes(name))));
  if (problems.length > 0) throw new EgretError('EG-1901', { log: [...new Set(problems)].join('\n') });
  return config;
}

function readTree(named: string | undefined, problems: string[]): Tree {
  const path = named ? resolve(projectRoot, named) : join(projectRoot, 'config/egret.yaml');
  try {
    const tree: unknown = parse(readFileSync(path, 'utf8')) ?? {};
    if (typeof tree === 'object' && !Array.isArray(tree)) return tree as Tree;
    problems.push(`${path} must be a list of settings, as \`name: value\``);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || named) problems.push(`${path}: ${message.split('\n')[0]}`);
  }
  return {};
}

/** The value of the environment, or of the file it names; empty counts as not given. */
function fromEnvironment(setting: Setting, env: NodeJS.ProcessEnv, problems: string[]): unknown {
  const { env: name, secret, numeric } = setting;
  if (!name) return undefined;
  const direct = env[name] || undefined;
  const file = (secret && env[`${name}_FILE`]) || undefined;
  if (direct && file) problems.push(`${name} and ${name}_FILE are both given: one of them`);
  if (file) {
    try {
      return readFileSync(resolve(projectRoot, file), 'utf8').trim();
    } catch (error) {
      problems.push(`${name}_FILE: ${(error as Error).message}`);
    }
  }
  if (direct === undefined || !numeric) return direct;
  if (/^-?\d{1,15}$/.test(direct)) return Number(direct);
  problems.push(`${name} must be a whole number`);
  return undefined;
}

/** A misspelt variable would be a setting that silently does nothing. */
function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set(['EGRET_CONFIG']);
  for (const { env: name, secret } of allSettings()) if (name) known.add(name).add(secret ? `${name}_FILE` : name);
  return Object.keys(env)
    .filter((name) => /^EGRET_(?!TEST_|DEMO_)/.test(name) && !known.has(name))
    .map((name) => `${name} is no variable of Egret (known: ${[...known].join(', ')})`);
}

function schemaProblems(given: Tree): string[] {
  const partial = optional(settings as unknown as SchemaNode);
  return [...Value.Errors(partial as Parameters<typeof Value.Errors>[0], given)]
    .filter((error) => error.keyword !== 'additionalProperties')
    .map(({ instancePath, keyword, message, params }) => {
      const path = instancePath.split('/').slice(1);
      const name = path.join('.') || 'the file';
      if (keyword === 'boolean') return `${name} is no setting: see docs/limits.md`;
      const setting = allSettings().find((each) => each.path.join('.') === name);
      const source = setting?.env ? ` (or ${setting.env})` : '';
      const allowed =
        keyword === 'enum' ? `: ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}` : '';
      return `${name}${source} ${message}${allowed}`;
    });
}

interface SchemaNode extends Tree {
  properties?: Record<string, SchemaNode>;
}

/** The same schema with nothing required: what is missing has its default. */
function optional(node: SchemaNode): SchemaNode {
  if (!node.properties) return node;
  const properties = Object.fromEntries(
    Object.entries(node.properties).map(([name, inner]) => [name, optional(inner)]),
  );
  return { ...node, properties, required: [] };
}

function resolved(given: Tree, passedOver: ReadonlySet<string>): Config {
  const tree: Tree = {};
  for (const { path, default: standard, times = 1 } of allSettings()) {
    const value = (passedOver.has(path.join('.')) ? undefined : at(given, path)) ?? standard;
    put(tree, path.map(camel), typeof value === 'number' ? value * times : value);
  }
  const config = tree as unknown as Config;
  const { basePort } = config;
  const absolute = (path: string) => resolve(projectRoot, path);
  const dataFolder = absolute(config.dataFolder);
  return {
    ...config,
    issuer: config.issuer ?? `http://localhost:${basePort}`,
    listen: { ...config.listen, port: config.listen.port ?? basePort },
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

/** What each setting alone cannot tell. */
function contradictions(config: Config): string[] {
  const wrong: string[] = [];
  const { mode, issuer, lifetimes, accounts, province } = config;
  for (const [name, address] of [
    ['issuer', issuer],
    ['province.url', province.url],
  ] as const) {
    const url = URL.parse(address);
    if (!url || !/^https?:$/.test(url.protocol) || url.origin !== address)
      wrong.push(`${name} must be an origin, http(s)://host[:port] and nothing after it`);
  }
  // What is wrong with these is said without their values.
  if (config.database.url && !/^postgres(ql)?:\/\/./.test(config.database.url))
    wrong.push('database.url must begin with postgres://');
  if (config.redis.url && !/^(rediss?:\/\/.|unix:\/)/.test(config.redis.url))
    wrong.push('redis.url must begin with redis://, rediss:// or unix:/');
  if (config.listen.hosts.length === 0) wrong.push('listen.hosts must name an address');
  if (config.listen.port === config.admin.port) wrong.push('listen.port and admin.port must differ');
  for (const proxy of config.trustedProxies) {
    const [address = '', bits = '0', ...rest] = proxy.split('/');
    const most = isIP(address) === 6 ? 128 : 32;
    if (!isIP(address) || !/^\d{1,3}$/.test(bits) || Number(bits) > most || rest.length > 0)
      wrong.push(`trusted_proxies: ${proxy} is no address and no network`);
  }
  if (lifetimes.sessionIdle > lifetimes.sessionAbsolute)
    wrong.push('lifetimes.session_idle must not exceed lifetimes.session_absolute');
  if (accounts.firstPause > accounts.longestPause)
    wrong.push('accounts.first_pause must not exceed accounts.longest_pause');
  for (const [kept, total] of [
    ['messagesKept', 'messagesADay'],
    ['guessesKept', 'guessesAnHour'],
    ['checksKept', 'checksADayAccount'],
    ['checksKept', 'checksADayNumber'],
  ] as const)
    if (accounts[kept] >= accounts[total])
      wrong.push(`accounts.${snake(kept)} must be less than accounts.${snake(total)}`);
  if (mode === 'production') {
    if (!issuer.startsWith('https://')) wrong.push('issuer must be https in production');
    if (!config.database.url)
      wrong.push(
        'database.url (EGRET_DATABASE_URL_FILE) is needed in production: the embedded database is for one machine',
      );
    if (config.clockOffset !== 0) wrong.push('clock_offset (EGRET_TEST_CLOCK_OFFSET) is for development only');
  }
  return wrong;
}

const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && (URL.parse(value)?.password ?? '') !== '';
}

function at(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (node as Tree | undefined | null)?.[name], tree) ?? undefined;
}

/** Sets a value in place; where the file has something else than a group, the schema says so. */
function put(tree: Tree, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  tree[name] ??= {};
  if (typeof tree[name] === 'object') put(tree[name] as Tree, rest, value);
}

/** `docs/limits.md`: every setting with its unit, bounds, default and meaning. */
export function limitsTable(): string {
  const code = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  const rows = allSettings().map((setting) => {
    const { path, unit = '', minimum, maximum, description, shown, env, secret } = setting;
    const bounds = setting.enum
      ? setting.enum.map(code).join(' ')
      : minimum === undefined
        ? ''
        : `${minimum} to ${maximum}`;
    const variable = env ? ` ${code(env)}${secret ? ` ${code(`${env}_FILE`)}` : ''}` : '';
    return `| ${code(path.join('.'))}${variable} | ${shown?.includes('<') || !shown ? code(shown ?? setting.default) : shown} | ${unit} | ${bounds} | ${description} |`;
  });
  return [
    '# Settings and limits',
    '',
    'Made by `egret config limits` from the table that checks the configuration; a test compares them.',
    '',
    'Settings stand in `config/egret.yaml` (another file: `EGRET_CONFIG`), nested at the points of their names. A variable of the',
    'environment, where one is named, is stronger than the file. Unknown names stop the start. Values with a password come from',
    'the environment, or from the file that the variable with `_FILE` names, never from YAML.',
    '',
    '| setting | default | unit | allowed | what it is |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
