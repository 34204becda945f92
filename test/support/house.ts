import { posix } from 'node:path';

/**
 * The rules of the house, read from the text of the files: which way imports point, what has one place, what has none.
 * `files` are paths from the project's root and their text; the answer is one line a violation.
 */
export function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    const say = (what: string) => found.push(`${path}: ${what}`);
    const name = posix.basename(path).replace(/\..*$/, '');
    if (posix.basename(path) === 'index.ts') say('index.ts re-exports; import the file that is needed');
    if ([...posix.dirname(path).split('/'), name].some((part) => drawers.has(part)))
      say('a drawer has no owner: name what it holds');
    if (path.endsWith('.ts') && lines(text) > 400) say(`${lines(text)} lines: at most 400`);
    if (machine.test(text)) say('a path of one machine');
    if (!path.startsWith('src/') || !path.endsWith('.ts')) continue;

    const code = withoutComments(text);
    if (/\bprocess\.env\b/.test(code) && path !== 'src/config.ts' && !/^src\/demo\/(.+\/)?main\.ts$/.test(path))
      say('process.env is read in src/config.ts only');
    if (
      /\bDate\.now\b|\bnew Date(?!\s*\(\s*[^)\s])|(?<!new )\bDate\(/.test(code) &&
      path !== 'src/clock.ts' &&
      !/^src\/demo\/.+\/clock\.ts$/.test(path)
    )
      say('the time is asked of a Clock, which src/clock.ts makes');
    if (
      /(?<![.\w])fetch\(|\bglobalThis\.fetch\b|\bhttp\.(?:request|get)\(|'(?:node:)?(?:https|tls|http2|undici)'/.test(
        code,
      ) &&
      path !== 'src/web/outbound/outbound.ts' &&
      !path.startsWith('src/demo/')
    )
      say('other hosts are called through src/web/outbound/outbound.ts');
    for (const target of imports(path, code)) {
      const refused = wrongImport(path, target);
      if (refused) say(`imports ${target}: ${refused}`);
    }
  }
  return [...found, ...cycles(files)];
}

/** What a file of src exports and no other file names: values, since types also document a shape. */
export function unused(files: ReadonlyMap<string, string>): string[] {
  const words = new Map([...files].map(([path, text]) => [path, new Set(text.match(/[\w$]+/g))]));
  return [...files].flatMap(([path, text]) => {
    if (!path.startsWith('src/')) return [];
    return [...text.matchAll(/^export (?:async )?(?:function\*?|const|class) ([\w$]+)/gm)].flatMap(([, name = '']) =>
      [...words].some(([other, named]) => other !== path && named.has(name)) ? [] : `${path}: nobody imports ${name}`,
    );
  });
}

/** From the top to the ground; who stands on one line may not import each other. */
const levels: readonly (readonly string[])[] = [
  ['demo'],
  ['main', 'cli'],
  ['gateway'],
  ['listener'],
  ['signin', 'signout', 'account-center', 'pages', 'admin', 'doctor', 'backup'],
  ['provider'],
  ['accounts', 'consents', 'passkeys', 'staff', 'sessions', 'clients', 'keys', 'bridge', 'policy'],
  ['outbox', 'audit'],
  ['store', 'web', 'observe'],
  ['config'],
  ['errors', 'clock'],
];
const level = (room: string) => levels.findIndex((rooms) => rooms.includes(room));

/** Rooms of which any file may be imported. */
const open = new Set(['store', 'web', 'observe']);

const drawers = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'shared', 'misc', 'lib', 'libs']);

const machine = new RegExp(`(^|[^\\w./-])/(${['work', 'home', 'root', 'Users', 'mnt'].join('|')})/\\w`, 'm');

/** The program, or the room, a file belongs to: `src/errors-province.ts` is a part of `errors`. */
function room(path: string): string {
  const [, first = '', second = '', third] = path.split('/');
  if (first === 'demo' && third !== undefined) return `demo/${second}`;
  return second ? first : first.replace(/[-.].*$/, '');
}

function wrongImport(from: string, target: string): string | undefined {
  if (!target.startsWith('src/')) return 'it is outside src';
  const [here, there] = [room(from), room(target)];
  if (here === there) return undefined;
  if (here.startsWith('demo/') || there.startsWith('demo/'))
    return 'the programs under src/demo share no code: they meet on the wire';
  if (level(here) < 0) return `the room ${here} has no level yet: add it to test/support/house.ts`;
  if (level(there) < 0) return `the room ${there} has no level yet: add it to test/support/house.ts`;
  if (level(there) < level(here)) return `${there} is above ${here}: take what is needed as an argument`;
  if (level(there) === level(here)) return `${there} is beside ${here}: take what is needed as an argument`;
  const parts = target.split('/');
  const door = parts.length === 2 || target === `src/${there}/${there}.ts`;
  if (!door && !open.has(there)) return `the front door is src/${there}/${there}.ts`;
  return undefined;
}

/** What a file imports of the project, types too, as paths from its root. */
function imports(path: string, code: string): string[] {
  const statements =
    /^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...code.matchAll(statements)]
    .map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '')
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier));
}

/** Each cycle once, as `a -> b -> a`. */
function cycles(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (path: string) => {
    if (state.get(path) === 'done' || !files.has(path)) return;
    if (state.get(path) === 'open') {
      found.push(`${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}: a cycle`);
      return;
    }
    state.set(path, 'open');
    trail.push(path);
    for (const target of imports(path, withoutComments(files.get(path) as string))) visit(target);
    trail.pop();
    state.set(path, 'done');
  };
  for (const path of files.keys()) if (path.startsWith('src/') && path.endsWith('.ts')) visit(path);
  return found;
}

/** Comments that have a line, or the end of one, to themselves; what stands in a string stays. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/ .*$/gm, '');
}

const lines = (text: string) => text.replace(/\n$/, '').split('\n').length;
