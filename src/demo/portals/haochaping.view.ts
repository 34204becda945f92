import { html } from 'ghtml';
import type { Lang, Text } from './website/department.ts';
import { notice } from './website/page.view.ts';

export interface Score {
  readonly value: string;
  readonly words: Text;
}

/** The five grades of the national rating rules (国办发〔2019〕51号). */
export const scores: readonly Score[] = [
  { value: '5', words: { zh: '非常满意', en: 'Very satisfied' } },
  { value: '4', words: { zh: '满意', en: 'Satisfied' } },
  { value: '3', words: { zh: '基本满意', en: 'Fairly satisfied' } },
  { value: '2', words: { zh: '不满意', en: 'Dissatisfied' } },
  { value: '1', words: { zh: '非常不满意', en: 'Very dissatisfied' } },
];

/** A plain form: works for everyone, signed in or not, with or without a script. */
export function ratingForm(lang: Lang): string {
  const zh = lang === 'zh';
  return html`<section id="rate" aria-labelledby="rate-h"><h2 id="rate-h">${zh ? '这次办事怎么样' : 'How was your visit?'}</h2>
<form method="post" action="/rate"><fieldset><legend>${zh ? '选一个' : 'Choose one'}</legend>
!${scores.map(
    ({ value, words }) =>
      html`<label class="choice"><input type="radio" name="score" value="${value}" required> ${words[lang]}</label>`,
  )}
</fieldset><button class="own" type="submit">${zh ? '提交评价' : 'Send my rating'}</button></form></section>`;
}

export const thanks = (score: Score, lang: Lang): string =>
  html`<div role="status">!${notice(
    'tip',
    lang === 'zh' ? '谢谢，收到了' : 'Thank you, received',
    lang === 'zh' ? `你评的是：${score.words.zh}。` : `Your rating: ${score.words.en}.`,
  )}</div>`;
