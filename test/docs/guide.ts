import fs from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export interface Block {
  readonly lang: string;
  readonly text: string;
  /** The heading it stands under. */
  readonly heading: string;
}

/** Every fenced block of a page, as it stands. */
export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  let heading = '';
  let open: { lang: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (open && fence) {
      found.push({ lang: open.lang, text: `${open.lines.join('\n')}\n`, heading });
      open = undefined;
    } else if (open) open.lines.push(line);
    else if (fence) open = { lang: fence[1] ?? '', lines: [] };
    else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '');
  }
  return found;
}

/** The markdown files of the project, by their path from its root. */
export function pages(): Map<string, string> {
  const paths = fs.globSync(['*.md', '{docs,src,test,config,keys,.ci}/**/*.md'], { cwd: root });
  return new Map(paths.sort().map((path) => [path, fs.readFileSync(join(root, path), 'utf8')]));
}
