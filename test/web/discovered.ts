import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PageContext, Shown } from '../../src/web/html.ts';

/** Every view of the gateway with its samples: a new `*.view.ts` that exports `views` joins by itself. */
export interface Discovered {
  readonly file: string;
  readonly name: string;
  readonly view: Shown<unknown>['view'];
  readonly samples: Readonly<Record<string, unknown>>;
}

const root = resolve(import.meta.dirname, '../../src');

export async function discover(): Promise<Discovered[]> {
  // The portals of the demonstration are separate programs with pages of their own.
  const files = globSync('**/*.view.ts', { cwd: root }).filter((file) => !file.startsWith('demo/'));
  const found: Discovered[] = [];
  for (const file of files.sort()) {
    const { views } = (await import(join(root, file))) as { views?: Record<string, Shown<unknown>> };
    for (const [name, { view, samples }] of Object.entries(views ?? {})) found.push({ file, name, view, samples });
  }
  return found;
}

export const editions: readonly Pick<PageContext, 'lang' | 'mode'>[] = [
  { lang: 'zh-CN', mode: 'standard' },
  { lang: 'zh-CN', mode: 'large' },
  { lang: 'en', mode: 'standard' },
  { lang: 'en', mode: 'large' },
];

/** A page of 18 March 2026, 09:16 in Beijing. */
export const context = (about: Partial<PageContext> = {}): PageContext => ({
  lang: 'zh-CN',
  mode: 'standard',
  path: '/signin/q7Xc?step=1',
  now: Date.parse('2026-03-18T09:16:00+08:00'),
  formToken: 'form-token',
  demo: true,
  ...about,
});

export const signedIn: Partial<PageContext> = {
  person: { maskedName: '张*' },
  banner: { since: Date.parse('2026-03-18T09:02:00+08:00'), nextUpdate: Date.parse('2026-03-18T09:45:00+08:00') },
};
