import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { events } from '../../src/audit/audit.ts';

const src = resolve(import.meta.dirname, '../../src');

/** What the programs of `src` write as the type of an event: literals, where no comparison reads one. */
function emitted(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, text] of files) {
    if (path === 'audit/events.ts' || path.startsWith('demo/')) continue;
    const code = text.replace(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*)$/gm, '').replace(/[!=]==\s*'[^']*'/g, '');
    // lists of names and types of TypeScript emit nothing
    const acts = code.replace(/^\s*\|\s*'[^']*';?$/gm, '').replace(/attemptTypes = \[[\s\S]*?\]/, '');
    for (const [, type = ''] of acts.matchAll(/'([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)'/g))
      found.set(type, [...(found.get(type) ?? []), path]);
  }
  return found;
}

const files = new Map(
  fs.globSync('**/*.ts', { cwd: src }).map((path) => [path, fs.readFileSync(join(src, path), 'utf8')]),
);

t.test('every event of the table happens somewhere', async (t) => {
  const seen = emitted(files);
  for (const type of Object.keys(events)) t.ok(seen.has(type), `${type}: ${seen.get(type)?.join(', ')}`);
});

t.test('and every event that happens stands in the table', async (t) => {
  const calls = /\b(?:type(?:: string)?(?: =|:)|way:|stamp\()[^;{}]*?'([a-z-]+\.[a-z-]+)'/g;
  let count = 0;
  for (const [path, text] of files) {
    if (path.startsWith('demo/') || path === 'audit/events.ts') continue;
    for (const [, type = ''] of text.matchAll(calls)) {
      count += 1;
      t.ok(type in events, `${path}: ${type}`);
    }
  }
  t.ok(count > 30, `${count} places were read`);
});

t.test('the search finds what is planted, and nothing else', async (t) => {
  const found = (text: string) => [...emitted(new Map([['room/a.ts', text]])).keys()];
  t.same(found("record(tx, { type: 'no.such' })"), ['no.such']);
  t.same(found("if (event.type === 'no.such') return;"), []);
  t.same(found("// 'no.such'\n/** 'no.such' */\n  | 'no.such'\n"), []);
});
