import { html } from 'ghtml';
import type { Department, Lang, Level, Text } from './department.ts';

export const say = (text: Text, lang: Lang): string => text[lang];

const shell = {
  strip: {
    zh: '演示门户，不是真实网站，不办理真实业务',
    en: 'Demonstration portal: not a real website, no real service',
  },
  skip: { zh: '跳到正文', en: 'Skip to main content' },
  nav: { zh: '本站导航', en: 'Site navigation' },
  matter: { zh: '办事', en: 'Service' },
  counters: { zh: '去窗口', en: 'Counters' },
  all: { zh: '全部演示门户', en: 'All demonstration portals' },
  footer: {
    zh: '演示环境里的网站，人和数据都是假的。有疑问请打 12345。',
    en: 'A website of the demonstration: people and data are made up. Questions: call 12345.',
  },
} satisfies Record<string, Text>;

/** A whole page in a site's own colours. `main` is markup already; `scripts` are paths of this site. */
export function page(about: {
  id: string;
  site: Text;
  lang: Lang;
  path: string;
  title: string;
  main: string;
  overview: string;
  scripts?: readonly string[];
}): string {
  const { id, lang, overview } = about;
  const say = (text: Text) => text[lang];
  const other = lang === 'zh' ? 'en' : 'zh';
  return html`<!doctype html>
<html lang="${lang === 'zh' ? 'zh-CN' : 'en'}" data-site="${id}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${about.title} - ${say(about.site)}</title>
<link rel="icon" href="/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/portal.css">
!${(about.scripts ?? []).map((src) => html`<script src="${src}" defer></script>`)}
</head>
<body>
<a class="skip" href="#main">${say(shell.skip)}</a>
<header>
<p class="strip">${say(shell.strip)}</p>
<div class="own"><div class="wide">
<a class="site" href="/">${say(about.site)}</a>
<nav aria-label="${say(shell.nav)}">
!${
    id === 'overview'
      ? ''
      : html`<a href="/">${say(shell.matter)}</a>
<a href="/counters">${say(shell.counters)}</a>
<a href="${overview}/">${say(shell.all)}</a>`
  }
<a href="${about.path}?lang=${other}" lang="${other === 'zh' ? 'zh-CN' : 'en'}">${other === 'zh' ? '中文' : 'English'}</a>
</nav>
</div></div>
</header>
<main id="main" class="wide" tabindex="-1">
!${about.main}
</main>
<footer><div class="wide"><p>${say(shell.footer)}</p></div></footer>
</body>
</html>
`;
}

const wave = 'M1.5 6q6.75-7 13.5 0t13.5 0';

/** The tide: three waves, as many of them full as the level has. Decoration: the word always stands beside it. */
export function tide(level: Level): string {
  const waves = [0, 1, 2].map((row) => {
    const full = 3 - row <= level;
    return html`<path class="${full ? 'full' : 'faint'}" transform="translate(0 ${row * 8 - 0.5})" d="${wave}"/>`;
  });
  return html`<svg class="tide" viewBox="0 0 30 26" width="30" height="26" aria-hidden="true" focusable="false">!${waves}</svg>`;
}

const body =
  'M27.2 6.2C22.4 4.2 16.6 6.6 16.2 12.2c-.4 5.6 5.2 7.9 6.3 12.6.7 3-1.3 4.9-4.3 5.7C11.2 32.3 5.6 36.3 2 42.5c8.6 1.7 19.4.6 24.6-5.9 3.9-4.9 3.3-10.6.8-15.3-1.7-3.2-4.6-5.4-4.7-8.2-.1-1.7 1.2-2.9 2.9-2.9z';
const beak = 'M26.6 6 46 10.8 25.5 10.3z';

/** What the gateway prescribes for every department: its sea, its white mark, its words. */
const signInInside = (lang: Lang): string =>
  html`<svg class="mark" viewBox="0 2 48 44" width="36" height="33" aria-hidden="true" focusable="false"><path fill="currentColor" d="${body}"/><path class="beak" d="${beak}"/></svg><span>${lang === 'zh' ? '用白鹭通行证登录' : 'Sign in with Egret'}</span>`;

export const signInLink = (lang: Lang): string =>
  html`<a class="egret" href="/sign-in" rel="nofollow">!${signInInside(lang)}</a>`;

/** For a site that signs in by script: absent until the script shows it. */
export const signInButton = (lang: Lang): string =>
  html`<button class="egret" type="button" data-do="sign-in" hidden>!${signInInside(lang)}</button>`;

export const markSvg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -6 64 60"><rect x="-8" y="-6" width="64" height="60" rx="8" fill="#0A5961"/><path fill="#fff" d="${body}"/><path fill="#FFC53D" d="${beak}"/></svg>`;

export const seal = (text: string): string => html`<span class="seal" aria-hidden="true">${text}</span>`;

/** A heading and text with a bar at the left; `kind` is never the only cue, the heading says it. */
export const notice = (kind: 'tip' | 'limited' | 'failed', heading: string, text: string): string =>
  html`<div class="notice ${kind}"><p><strong>${heading}</strong></p><p>${text}</p></div>`;

/** A table with a caption whose rows stack on a phone; the roles keep it a table for screen readers. */
export function table(
  id: string,
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return html`<table role="table" id="${id}"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">!${heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">!${rows.map(
    (row) =>
      html`<tr role="row">!${row.map((cell, n) =>
        n === 0
          ? html`<th role="rowheader" scope="row">!${cell}</th>`
          : html`<td role="cell" data-label="${heads[n]}">!${cell}</td>`,
      )}</tr>`,
  )}</tbody></table>`;
}

/** Who, how long, what it costs: the block beside the button. The level stands here, before the button. */
export function facts(department: Department, levelWord: Text, lang: Lang): string {
  const rows: [Text, string][] = [
    [{ zh: '谁能办', en: 'Who' }, html`${say(department.facts.who, lang)}`],
    [
      { zh: '要什么级别', en: 'Level needed' },
      html`<span class="level">!${tide(department.level)} ${say(levelWord, lang)}</span>`,
    ],
    [{ zh: '多久办好', en: 'Time' }, html`${say(department.facts.time, lang)}`],
    [{ zh: '收费', en: 'Fee' }, html`${say(department.facts.fee, lang)}`],
    [
      { zh: '事项编码', en: 'Item code' },
      html`<span class="code">${department.code}</span>${lang === 'zh' ? '（演示）' : ' (demo)'}`,
    ],
  ];
  return html`<section class="facts" aria-labelledby="facts-h"><h2 id="facts-h">${lang === 'zh' ? '办之前看一眼' : 'Before you start'}</h2>
<dl>!${rows.map(([name, value]) => html`<div><dt>${say(name, lang)}</dt><dd>!${value}</dd></div>`)}</dl></section>`;
}
