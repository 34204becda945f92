import fs from 'node:fs';
import { dirname, join, posix } from 'node:path';
import t from 'tap';
import { catalogue } from '../../src/errors.ts';
import { node } from '../support/processes.ts';
import { blocks, pages, root } from './guide.ts';

const all = pages();

/** What GitHub calls a heading: lower case, without marks, blanks as hyphens, a number where it comes again. */
function anchors(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const [, text = ''] of withoutBlocks(markdown).matchAll(/^#{1,6} +(.*)$/gm)) {
    const plain = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const name = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    found.add(times === 0 ? name : `${name}-${times}`);
  }
  return found;
}

const withoutBlocks = (markdown: string): string => markdown.replace(/^```[\s\S]*?^```$/gm, '');

/** Links of a page that go to a file or a heading of the project. */
function links(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/!?\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

/** What is wrong with the links of a page, a line each. */
function broken(path: string, markdown: string): string[] {
  return links(markdown).flatMap((target) => {
    const [file = '', anchor] = target.split('#');
    const to = file ? posix.join(dirname(path), decodeURIComponent(file)) : path;
    if (!fs.existsSync(join(root, to))) return [`${path}: ${target} is not there`];
    if (anchor === undefined) return [];
    const text = all.get(to) ?? '';
    return anchors(text).has(decodeURIComponent(anchor)) ? [] : [`${path}: ${target} has no such heading`];
  });
}

t.test('every link between pages leads somewhere', async (t) => {
  t.ok(all.size > 12, `${all.size} pages`);
  const found = [...all].flatMap(([path, text]) => links(text).map((target) => [path, target]));
  t.ok(found.length > 30, `${found.length} links`);
  t.strictSame(
    [...all].flatMap(([path, text]) => broken(path, text)),
    [],
  );
  const planted = 'see [a](docs/nowhere.md), [b](docs/errors.md#nothing), [c](docs/errors.md#error-codes)';
  t.strictSame(broken('README.md', planted), [
    'README.md: docs/nowhere.md is not there',
    'README.md: docs/errors.md#nothing has no such heading',
  ]);
});

t.test('paths that stand in backticks are there', async (t) => {
  const wrong: string[] = [];
  for (const [path, text] of all)
    for (const [, named = ''] of withoutBlocks(text).matchAll(/`((?:src|test|docs|config|\.ci)\/[\w./-]+)`/g))
      if (!fs.existsSync(join(root, named))) wrong.push(`${path}: ${named}`);
  // the architecture names files by their room
  for (const [, named = ''] of (all.get('ARCHITECTURE.md') ?? '').matchAll(/`([a-z][\w-]*\/[\w./-]*)`/g))
    if (![named, `src/${named}`].some((each) => fs.existsSync(join(root, each))))
      wrong.push(`ARCHITECTURE.md: ${named}`);
  t.strictSame(wrong, []);
});

t.test('every error code that a page names is in the catalogue', async (t) => {
  const wrong: string[] = [];
  for (const [path, text] of all)
    for (const [code] of text.matchAll(/\bEG-P?\d{4}\b/g))
      if (!Object.hasOwn(catalogue, code)) wrong.push(`${path}: ${code}`);
  t.strictSame(wrong, []);
});

/** The scripts a page names: `npm run X`, `npm test`, `npm start`. */
const scriptsIn = (markdown: string): string[] =>
  [...markdown.matchAll(/\bnpm (?:run (?:-s )?([\w:-]+)|(test|start)\b)/g)].map(([, run, short]) => run ?? short ?? '');

t.test('every command that a page names exists', async (t) => {
  const { scripts } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const told = node(t, join(root, 'src/cli/main.ts'), ['--help']);
  await told.exit;
  const known = new Set(
    [...told.output().matchAll(/^ {2}egret ([a-z]+(?: [a-z-]+)?)/gm)].map(([, words = '']) => words),
  );
  const rooms = new Set([...known].map((words) => words.split(' ')[0]));
  t.ok(known.size > 15);

  const wrong: string[] = [];
  let count = 0;
  for (const [path, text] of all) {
    for (const script of scriptsIn(text)) if (!Object.hasOwn(scripts, script)) wrong.push(`${path}: npm run ${script}`);
    // in prose: what stands in backticks; `clients list|show` names two
    const quoted = [...text.matchAll(/`(?:npm run (?:-s )?)?(?:egret (?:-- )?)([a-z][^`]*)`/g)].map(
      ([, rest = '']) => rest,
    );
    const inBlocks = blocks(text).flatMap((block) =>
      [...block.text.matchAll(/\bnpm run (?:-s )?egret -- ([a-z].*)$/gm)].map(([, rest = '']) => rest),
    );
    for (const rest of [...quoted, ...inBlocks]) {
      const [room = '', choice = ''] = rest.split(' ');
      for (const verb of choice.split('|')) {
        count += 1;
        const words = /^[a-z-]+$/.test(verb) && !known.has(room) ? `${room} ${verb}` : room;
        if (!known.has(words) && !(words === room && rooms.has(room))) wrong.push(`${path}: egret ${room} ${verb}`);
      }
    }
  }
  t.ok(count > 10, `${count} commands`);
  t.strictSame(wrong, []);

  // the list of the README is the whole of it
  const readme = all.get('README.md') ?? '';
  const section = /## The command line\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? '';
  const listed = [...section.matchAll(/`([a-z]+)(?: ([a-z|-]+))?`/g)].flatMap(([, room = '', choice]) =>
    choice ? choice.split('|').map((verb) => `${room} ${verb}`) : [room],
  );
  t.strictSame(
    [...known].filter((words) => !listed.includes(words)),
    [],
    'the README lists every verb',
  );
});

t.test('the README begins with the two commands', async (t) => {
  const [first] = blocks(all.get('README.md') ?? '');
  t.match(first?.text, /^npm ci && npm start/m);
  t.match(first?.text, /^npm ci && npm test/m);
});
