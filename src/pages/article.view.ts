import { html, type PageContext } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { notice } from '../web/parts.view.ts';
import { type Articles, articlesVersion, articleWords } from '../web/words/articles.ts';
import { inTone } from '../web/words.ts';

/** A page of text with its version. The demonstration says that it is one. */
export function article(context: PageContext, articles: Articles): string {
  const words = articleWords(context);
  const { title, lead, sections } = articles[context.lang];
  const said = (text: string): string => inTone(text, context);
  return page(context, {
    title,
    lead: said(lead),
    shape: 'reading',
    body: [
      context.demo && notice('tip', words.demoTitle, said(words.demo)),
      html`<div class="article">${sections.map(
        ({ id, heading, text = [], list, after = [] }) =>
          html`<section><h2${id !== undefined && html` id="${id}"`}>${said(heading)}</h2>
${text.map((each) => html`<p>${said(each)}</p>`)}${list && html`<ul>${list.map((each) => html`<li>${said(each)}</li>`)}</ul>`}${after.map((each) => html`<p>${said(each)}</p>`)}</section>`,
      )}
<p class="version">${words.version(articlesVersion)}${context.lang === 'en' && html` · ${words.onlyChinese}`}</p></div>`,
    ],
  });
}
