import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Fastify from 'fastify';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { contentSecurityPolicy, serveAssets } from '../src/web/assets.ts';
import type { PageContext } from '../src/web/html.ts';
import { find, wants } from './support/wants.ts';
import { context, type Discovered, discover, signedIn } from './web/discovered.ts';
import { pairwise } from './web/pairwise.ts';

const found = await discover();
const widths = [320, 390, 1280] as const;
const schemes = ['light', 'dark'] as const;
const modes = ['standard', 'large'] as const;
const langs = ['zh-CN', 'en'] as const;
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
const mostRuns = 150;
const inPage = [
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  join(import.meta.dirname, 'web/in-page.js'),
]
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

interface Run {
  readonly shown: Discovered;
  readonly sample: string;
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  readonly edition: Pick<PageContext, 'lang' | 'mode'>;
}

/** Pairs of view, width, colours, edition and language; the samples of a view take turns, and each has its turn. */
function runs(): Run[] {
  const rows = pairwise([found.length, widths.length, schemes.length, modes.length, langs.length]);
  const turns = found.map(() => 0);
  const run = ([view = 0, width = 0, scheme = 0, mode = 0, lang = 0]: readonly number[]): Run => {
    const shown = found[view] as Discovered;
    const samples = Object.keys(shown.samples);
    const sample = samples[(turns[view] as number) % samples.length] as string;
    turns[view] = (turns[view] as number) + 1;
    return {
      shown,
      sample,
      width: widths[width] as number,
      scheme: schemes[scheme] as 'light',
      edition: { lang: langs[lang] as 'en', mode: modes[mode] as 'large' },
    };
  };
  const planned = rows.map(run);
  // A view with more samples than pairs: the rest in combinations that differ from one to the next.
  for (const [view, { samples }] of found.entries())
    while ((turns[view] as number) < Object.keys(samples).length) {
      const n = turns[view] as number;
      planned.push(run([view, n % 3, n % 2, (n >> 1) % 2, (view + n) % 2]));
    }
  return planned;
}

t.setTimeout(600_000);

t.test('axe finds nothing', wants('chromium'), async (t) => {
  const planned = runs();
  t.ok(planned.length <= mostRuns, `${planned.length} runs over ${found.length} views`);
  const server = Fastify();
  await server.register(serveAssets);
  server.get('/page/:n', (request, reply) => {
    const { n } = request.params as { n: string };
    const { shown, sample, edition } = planned[Number(n)] as Run;
    const who = Number(n) % 4 === 3 ? signedIn : {};
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .send(shown.view(shown.samples[sample], context({ ...edition, ...who })));
  });
  // A page that goes on by itself goes nowhere here: with 204 the browser stays.
  server.setNotFoundHandler((_request, reply) => reply.code(204).send());
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const browser = await chromium.launch({
    executablePath: find('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
    ],
  });
  t.teardown(async () => {
    await browser.close();
    await server.close();
  });
  const tab = await browser.newPage();
  const said: string[] = [];
  // What the policy stops is an error of the console.
  tab.on('console', (message) => message.type() === 'error' && said.push(message.text()));
  tab.on('pageerror', (error) => said.push(String(error)));
  for (const [n, { shown, sample, width, scheme, edition }] of planned.entries()) {
    const label = `${shown.name}, ${sample}: ${width} ${scheme} ${edition.mode} ${edition.lang}`;
    // Tall enough that nothing has to be scrolled to be hit.
    await tab.setViewportSize({ width, height: 12_000 });
    await tab.emulateMedia({ colorScheme: scheme });
    await tab.goto(`${url}/page/${n}`);
    const wrong = [...said.splice(0), ...(await faults(tab, edition.mode))];
    if (wrong.length > 0) t.fail(label, { wrong });
  }
  t.end();
});

/** Evaluated by the debugger, so not bound by the page's policy. */
async function faults(tab: Page, mode: string): Promise<string[]> {
  await tab.evaluate(inPage);
  const least = mode === 'large' ? 60 : 44;
  return [
    ...(await tab.evaluate<string[]>(`axeFaults(${JSON.stringify(tags)})`)),
    ...(await tab.evaluate<string[]>(`layoutFaults(${least})`)),
    ...(await tab.evaluate<string[]>('spacingFaults()')),
  ];
}
