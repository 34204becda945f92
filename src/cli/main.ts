/**
 * The command line, `egret <room> <verb>`: it reads the configuration, opens the rooms a verb needs, prints what came of
 * it, and closes them. One file a room holds its verbs (clients.ts, accounts.ts …). It owns no rule of its own: what a
 * verb may do is decided, and audited, by the room it asks. It has no routes.
 */
import { parseArgs, stripVTControlCharacters } from 'node:util';
import type { Config } from '../config.ts';
import { type Code, EgretError } from '../errors.ts';
import { problemLine, Refused } from '../errors-problems.ts';
import type { Rooms } from './open.ts';
import type { Call, Verb } from './verb.ts';

/** Loaded when they are named, as everything else here when it is needed: a slip of the hand is answered at once. */
const rooms: Readonly<Record<string, () => Promise<{ verbs: Readonly<Record<string, Verb>> }>>> = {
  serve: () => import('./serve.ts'),
  migrate: () => import('./migrate.ts'),
  config: () => import('./config.ts'),
  doctor: () => import('./doctor.ts'),
  clients: () => import('./clients.ts'),
  accounts: () => import('./accounts.ts'),
  cases: () => import('./cases.ts'),
  outbox: () => import('./outbox.ts'),
  keys: () => import('./keys.ts'),
  audit: () => import('./audit.ts'),
  backup: () => import('./backup.ts'),
  restore: () => import('./restore.ts'),
};

/** Exit codes. */
const done = 0;
const refused = 1;
const misused = 2;
const unreachable = 3;

const notThere = new Set<Code>(['EG-1702', 'EG-1703', 'EG-1710', 'EG-1711', 'EG-1712', 'EG-1713', 'EG-1714']);

async function main(argv: readonly string[]): Promise<number> {
  try {
    // `egret help keys` is `egret keys --help`
    const [name = '--help', ...rest] = argv[0] === 'help' && argv[1] ? [...argv.slice(1), '--help'] : argv;
    if (['--help', '-h', 'help'].includes(name)) return say(await help(Object.keys(rooms)));
    const load = Object.hasOwn(rooms, name) ? rooms[name] : undefined;
    if (!load) throw misuse(`There is no \`egret ${name}\`.`);
    const { verbs } = await load();
    // A room of one verb is that verb.
    const alone = verbs[''];
    const [word = '', ...args] = rest;
    const verb = alone ?? (Object.hasOwn(verbs, word) ? verbs[word] : undefined);
    if (rest.includes('--help') || rest.includes('-h'))
      return say(verb ? helpOf(alone ? name : `${name} ${word}`, verb) : await help([name]));
    if (alone) return await run(name, alone, rest);
    if (!verb) throw misuse(`\`egret ${name}\` needs one of: ${Object.keys(verbs).join(', ')}.`);
    return await run(`${name} ${word}`, verb, args);
  } catch (error) {
    return await explain(error);
  }
}

async function run(name: string, verb: Verb, argv: readonly string[]): Promise<number> {
  const { values, positionals } = parse(name, verb, argv);
  const { loadConfig } = await import('../config.ts');
  let config: Config | undefined;
  let opened: Rooms | undefined;
  const call: Call = {
    get config() {
      config ??= loadConfig();
      return config;
    },
    args: positionals,
    values,
    async rooms(options) {
      opened ??= await (await import('./open.ts')).openRooms(call.config, options);
      return opened;
    },
  };
  try {
    const report = await verb.run(call);
    for (const line of report.aside ?? []) console.error(line);
    if (values.json) console.log(JSON.stringify(report.data, null, 2));
    else say(report.lines);
    return report.ok === false ? refused : done;
  } finally {
    await opened?.close();
  }
}

function parse(name: string, verb: Verb, argv: readonly string[]) {
  const wanted = verb.args ?? [];
  const options = { ...verb.options, ...(verb.reads ? { json: { type: 'boolean' as const } } : {}) };
  let parsed: { values: Call['values']; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true }) as typeof parsed;
  } catch (error) {
    throw misuse(`${(error as Error).message.split(/\.?\s*\n|\. /)[0]}; ${usage(name, verb)}.`);
  }
  const least = wanted.filter((arg) => !arg.startsWith('[')).length;
  const most = wanted.some((arg) => arg.includes('…')) ? Number.POSITIVE_INFINITY : wanted.length;
  const { length } = parsed.positionals;
  if (length < least || length > most)
    throw misuse(`${length < least ? 'An argument is missing' : 'Too many arguments'}; ${usage(name, verb)}.`);
  return parsed;
}

const usage = (name: string, verb: Verb): string =>
  ['usage: egret', name, ...(verb.args ?? []), verb.shown, verb.reads && '[--json]'].filter(Boolean).join(' ');

const misuse = (text: string) => new EgretError('EG-1902', { log: `${text} \`egret --help\` lists what there is.` });

const helpOf = (name: string, verb: Verb): string[] => [
  usage(name, verb),
  `    ${verb.about}`,
  `example: ${verb.example}`,
  ...(verb.reads ? ['--json prints the same as JSON.'] : []),
];

async function help(names: readonly string[]): Promise<string[]> {
  const lines = ['egret <room> <verb>: the command line of Egret (白鹭)', ''];
  for (const name of names) {
    const { verbs } = (await rooms[name]?.()) ?? { verbs: {} };
    for (const [word, verb] of Object.entries(verbs)) {
      lines.push(`  ${usage([name, word].filter(Boolean).join(' '), verb).replace('usage: ', '')}`);
      lines.push(`      ${verb.about}`);
      if (names.length === 1) lines.push(`      example: ${verb.example}`);
    }
  }
  return [
    ...lines,
    '',
    '--json, on what only reads: the same as JSON.',
    'Exit codes: 0 done; 1 refused, or what was checked is not in order; 2 not understood; 3 a store cannot be reached.',
    'Settings: config/egret.yaml and the environment, see docs/limits.md.',
  ];
}

function say(lines: readonly string[]): number {
  if (lines.length > 0) console.log(lines.join('\n'));
  return done;
}

/** One sentence on standard error, never a stack: what is not of the catalogue is a fault of ours and says so. */
async function explain(error: unknown): Promise<number> {
  const { message } = error as Error;
  if (error instanceof Refused) {
    for (const problem of error.problems) console.error(stripVTControlCharacters(problemLine(problem)));
    return error.problems.every(({ code }) => notThere.has(code)) ? unreachable : refused;
  }
  if (error instanceof EgretError) {
    console.error(`${error.code}  ${stripVTControlCharacters(message)}`);
    if (error.code === 'EG-1902') return misused;
    return notThere.has(error.code) ? unreachable : refused;
  }
  // A server that answers, and does not let us in: user, password, database, rights.
  const { code, name, syscall, path } = error as { code?: string; name?: string; syscall?: string; path?: string };
  if (name === 'PostgresError' && /^(28|3D|42501)/.test(code ?? '')) {
    console.error(`EG-1702  The database does not let us in (database.url): ${stripVTControlCharacters(message)}.`);
    return unreachable;
  }
  const { isUnreachable } = await import('../store/database.ts');
  if (isUnreachable(error) && (path === undefined || syscall === 'connect')) {
    console.error(`EG-1702  The records cannot be reached (${code}).`);
    return unreachable;
  }
  console.error(`EG-1700  ${(error as Error).name}: ${stripVTControlCharacters(message)}`);
  return refused;
}

const code = await main(process.argv.slice(2));
// A gateway that did not come up may hold stores open; one that did goes on.
if (code !== done) process.exit(code);
