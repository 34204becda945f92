import { checkbox } from '../../web/form.view.ts';
import { type Content, type Html, html, nothing, type PageContext } from '../../web/html.ts';
import { levelWord, masked } from '../../web/parts.view.ts';
import { consentWords } from '../../web/words/consent.ts';
import { capital, type Scope, scopeWord } from '../../web/words/items.ts';
import { inTone, type Text } from '../../web/words.ts';

/** A value as the page may show it: a mask, a level, a number that does not exist yet, or nothing to give. */
export type ConsentValue =
  | { readonly kind: 'name' | 'number'; readonly masked: string }
  | { readonly kind: 'level'; readonly level: number }
  | { readonly kind: 'made' }
  | { readonly kind: 'none' };

export interface ConsentItem {
  readonly scope: Scope;
  readonly values: readonly ConsentValue[];
  /** 用来查你的参保记录。 */
  readonly purpose: Text;
  /** What it leads to not to give it; not shown for what is told. */
  readonly without: Text;
  /** The person's real-name level, where it is too low for this item: said, not asked, not given. */
  readonly tooHigh?: number;
}

export interface ConsentGroup {
  /** 《个人信息保护法》第二十九条，单独同意 */
  readonly basis: Text;
  readonly items: readonly ConsentItem[];
}

type GroupName = 'told' | 'asked' | 'sensitive';

/** One group under its heading with its legal basis: a box for the whole (asked), for each item (sensitive), or none. */
export function itemsGroup(context: PageContext, kind: GroupName, about: ConsentGroup | undefined): Html {
  if (!about) return nothing;
  const words = consentWords(context);
  return html`<section class="items" aria-labelledby="${kind}"><h2 class="minor-heading" id="${kind}">${words[kind]}</h2>
<ul>${about.items.map((item) => row(context, kind, item))}</ul>
${kind === 'asked' && about.items.some(({ tooHigh }) => tooHigh === undefined) && checkbox(context, { name: 'grant', id: 'grant-asked', value: 'asked', label: html`<strong>${words.agreeGroup}</strong>` })}
<p class="quiet">${words.basis(inTone(about.basis[context.lang], context))}</p></section>`;
}

function row(context: PageContext, kind: GroupName, item: ConsentItem): Html {
  const words = consentWords(context);
  const name = capital(scopeWord(context, item.scope));
  const id = `grant-${item.scope}`;
  const purpose = inTone(item.purpose[context.lang], context);
  const without = kind !== 'told' && words.without(inTone(item.without[context.lang], context));
  const gap = context.lang === 'en' ? ' ' : '';
  if (item.tooHigh !== undefined)
    return html`<li class="item"><strong class="item-name">${name}</strong>
<p class="hint" id="${id}-why">${words.tooHigh(levelWord(context, item.tooHigh))}${without && gap + without}</p></li>`;
  return html`<li class="item">${
    kind === 'sensitive'
      ? html`<input type="checkbox" id="${id}" name="grant" value="${item.scope}" aria-describedby="${id}-why">
<label for="${id}">${name}</label>`
      : html`<strong class="item-name">${name}</strong>`
  } <span class="item-value">${item.values.map((value) => html`<span>${shownValue(context, value)}</span> `)}</span>
<p class="hint" id="${id}-why">${purpose}${without && gap + without}</p></li>`;
}

function shownValue(context: PageContext, value: ConsentValue): Content {
  if (value.kind === 'level') return levelWord(context, value.level);
  if (value.kind === 'made' || value.kind === 'none') return consentWords(context)[value.kind];
  return masked(context, value.kind, value.masked);
}
