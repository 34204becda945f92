import { type Code, catalogue } from '../errors.ts';
import { calm, type IconName, icon, tide, wave } from './assets/icons.ts';
import { type Content, type Html, html, nothing, type PageContext } from './html.ts';
import { pageWords } from './words/page.ts';
import { problemWords } from './words/problems.ts';
import { comingTime, inTone, type Text } from './words.ts';

/** The parts pages are built of, apart from form controls (form.view.ts). */

/** Something to mend: the `id` of the control, the code, and what the sentence tells with it. */
export interface Problem {
  readonly field: string;
  readonly code: Code;
  /** How many tries are left. */
  readonly triesLeft?: number;
  /** Epoch milliseconds: when it can be tried again. */
  readonly until?: number;
}

/** The sentence of a problem, the same in the summary and at the control. */
export function problemText(context: PageContext, problem: Problem): string {
  const words = problemWords(context);
  const text = inTone(catalogue[problem.code][context.lang === 'en' ? 'en' : 'zh'], context);
  if (problem.until !== undefined) return words.until(text, comingTime(problem.until, context));
  if (problem.triesLeft === undefined) return text.replace(/[。.]$/, '');
  return words.triesLeft(problem.code, text, problem.triesLeft);
}

export const problemOf = (problems: readonly Problem[] | undefined, field: string): Problem | undefined =>
  problems?.find((problem) => problem.field === field);

/** Comes first in main. Where the script does not move the focus there, `#err` in the address does. */
export function errorSummary(context: PageContext, problems: readonly Problem[]): Html {
  if (problems.length === 0) return nothing;
  const words = pageWords(context);
  return html`<div class="summary" id="err" role="alert" tabindex="-1" aria-labelledby="err-title">
<h2 id="err-title">${icon('warning')}${words.summary(problems.length)}</h2>
<ul>${problems.map((problem) => html`<li><a href="#${problem.field}">${problemText(context, problem)}</a></li>`)}</ul>
</div>`;
}

/** Chinese inside an English page says so, for voices and for fonts. */
export const chinese = (context: { readonly lang: string }, text: Content): Html =>
  context.lang === 'en' ? html`<span lang="zh-CN">${text}</span>` : html`${text}`;

/**
 * A masked value: eyes see the mask, a voice reads words (张某, 尾号 17).
 *
 * @param kind `name` for 张* or 欧*娜; `number` for an ID number or a mobile
 */
export function masked(context: PageContext, kind: 'name' | 'number', value: string): Html {
  const words = pageWords(context);
  const spoken =
    kind === 'name'
      ? words.maskedName(value.split('*')[0] ?? '', value.split('*').at(-1) ?? '')
      : words.ending(value.split('*').at(-1) ?? '');
  const text = html`<span class="masked"><span aria-hidden="true">${value}</span><span class="hidden">${spoken}</span></span>`;
  return kind === 'name' ? chinese(context, text) : text;
}

/** One character in a frame. Decoration: the name stands beside it. */
export const seal = (character: string): Html =>
  html`<span class="seal" lang="zh-CN" aria-hidden="true">${character}</span>`;

/** A department as pages name it. */
export interface Department {
  /** One character: 社 金 医 产 监 教 公 民 卫. */
  readonly seal: string;
  readonly name: Text;
  /** 市人社局 */
  readonly short: Text;
}

/** Where this leads: 登录后前往 {部门}; 正在前往 for somebody signed in. */
export function contextLine(context: PageContext, department: Department | undefined, what?: string): Html {
  if (!department) return nothing;
  const words = pageWords(context);
  const leading = what ?? (context.person ? words.onTheWay : words.goingTo);
  const { [context.lang]: name } = context.mode === 'large' ? department.short : department.name;
  return html`<p class="context">${seal(department.seal)}<span><span class="quiet">${leading}</span> <strong>${name}</strong></span></p>`;
}

/** 第 2 步，共 4 步; the waves only repeat it. */
export function stepper(context: PageContext, at: number, of: number): Html {
  const waves = Array.from({ length: of }, (_, n) => (n < at ? wave : calm));
  return html`<div class="stepper"><p>${pageWords(context).step(at, of)}</p><div class="waves">${waves}</div></div>`;
}

/** The word of a real-name level. */
export function levelWord(context: PageContext, level: number): string {
  const words = pageWords(context);
  return [words.level0, words.level1, words.level2, words.level3][level] ?? words.level0;
}

/** A real-name level 0-3: its waves and its word. */
export const levelBadge = (context: PageContext, level: number): Html =>
  html`<span class="level">${tide(level)}${levelWord(context, level)}</span>`;

const badgeIcons = { done: 'check', open: 'warning', over: 'cross', waiting: 'clock' } as const satisfies Record<
  string,
  IconName
>;

/** An icon and a word: done ✓ 已退出, open ! 未响应, over ✕ 已到期, waiting 等批准. */
export const badge = (kind: keyof typeof badgeIcons, word: string): Html =>
  html`<span class="badge ${kind}">${icon(badgeIcons[kind])}${word}</span>`;

/** A bar at the left, a heading, text. `tip` sea, `limited` amber, `failed` red; the heading says it in words. */
export const notice = (kind: 'tip' | 'limited' | 'failed', title: Content, text: Content): Html =>
  html`<div class="notice ${kind}"><p class="notice-title">${title}</p><p>${text}</p></div>`;

/** Label and value, a hairline between the rows. */
export const keyValues = (rows: readonly (readonly [Content, Content] | false | undefined)[]): Html =>
  html`<dl class="pairs">${rows.map((row) => row && html`<div><dt>${row[0]}</dt><dd>${row[1]}</dd></div>`)}</dl>`;

/** A row of a list of ways: a link, or a button where the act changes something. */
export interface Way {
  readonly icon: IconName | { readonly seal: string };
  readonly title: string;
  readonly hint?: string;
  /** A link. */
  readonly href?: string;
  /** A form posted to this address, with these hidden fields. */
  readonly post?: { readonly action: string; readonly fields?: Readonly<Record<string, string>> };
}

/** Ways on, under a heading: icon, title, hint, chevron; the whole row is the target. */
export function ways(context: PageContext, heading: string, all: readonly (Way | false | undefined)[]): Html {
  const rows = all.filter((way) => way !== false && way !== undefined);
  const inside = (way: Way) =>
    html`<span class="way-icon">${typeof way.icon === 'string' ? icon(way.icon) : seal(way.icon.seal)}</span><span class="way-text"><span class="way-title">${way.title}</span>${way.hint && html` <span class="way-hint">${way.hint}</span>`}</span>${icon('next')}`;
  return html`<section class="ways"><h2>${heading}</h2><ul>${rows.map(
    (way) =>
      html`<li>${
        way.post
          ? html`<form method="post" action="${way.post.action}#err">${hiddenFields(context, way.post.fields)}<button class="way" type="submit">${inside(way)}</button></form>`
          : html`<a class="way" href="${way.href ?? ''}">${inside(way)}</a>`
      }</li>`,
  )}</ul></section>`;
}

/** The form token, and what else a form carries unseen. */
export const hiddenFields = (context: PageContext, fields: Readonly<Record<string, string>> = {}): Html =>
  html`${context.formToken && html`<input type="hidden" name="form_token" value="${context.formToken}">`}${Object.entries(
    fields,
  ).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;

/** A heading and ticks. */
export const points = (rows: readonly { readonly icon: IconName; readonly text: Content }[]): Html =>
  html`<ul class="points">${rows.map((row) => html`<li>${icon(row.icon)}<span>${row.text}</span></li>`)}</ul>`;

export interface Table {
  readonly id: string;
  readonly caption: string;
  /** The caption is for voices only: a heading says it to the eye. */
  readonly captionHidden?: boolean;
  readonly heads: readonly string[];
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly Content[])[];
}

/** Rows stack as label and value on a phone; the roles keep it a table for voices. */
export const table = (about: Table): Html =>
  html`<table role="table" id="${about.id}"><caption${about.captionHidden && html` class="hidden"`}>${about.caption}</caption>
<thead role="rowgroup"><tr role="row">${about.heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${about.rows.map(
    (row) =>
      html`<tr role="row">${row.map((cell, n) =>
        n === 0
          ? html`<th role="rowheader" scope="row">${cell}</th>`
          : html`<td role="cell"><span class="cell-label" aria-hidden="true">${about.heads[n]}</span><span>${cell}</span></td>`,
      )}</tr>`,
  )}</tbody></table>`;
