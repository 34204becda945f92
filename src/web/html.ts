import { html as template } from 'ghtml';
import type { Lang, Mode } from './words.ts';

/**
 * What pages are made of: a tag that escapes, and the types of a page. `html` answers `Html`, and only an `Html` is
 * put into another one as it is; a string is always escaped, however it came. There is no way to make an `Html` of a
 * string outside this file, so a page cannot be opened by a forgotten mark.
 */
class Html {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
}

export type { Html };

/** What may stand in a page: text (escaped), markup of ours, lists of both; nothing for false, null, undefined. */
export type Content = string | number | Html | false | null | undefined | readonly Content[];

const raw = (markup: string): Html => new Html(markup);

const rendered = (content: Content): string => {
  if (typeof content === 'string') return template`${content}`;
  if (typeof content === 'number') return String(content);
  if (content instanceof Html) return content.toString();
  if (Array.isArray(content)) return content.map(rendered).join('');
  return '';
};

/** Values are escaped for text and for quoted attributes: always quote attributes. */
export function html(literals: TemplateStringsArray, ...values: Content[]): Html {
  let markup = literals[0] as string;
  for (let n = 0; n < values.length; n++) markup += rendered(values[n]) + (literals[n + 1] as string);
  return raw(markup);
}

export const nothing: Html = raw('');

/** A sentence with markup in it: `fill('看过{terms}', { terms: html`<a …>` })`. A name without a value stays readable. */
export function fill(sentence: string, parts: Readonly<Record<string, Content>>): Html {
  return html`${sentence.split(/\{(\w+)\}/).map((piece, n) => (n % 2 === 0 ? piece : (parts[piece] ?? piece)))}`;
}

/** ` name="value"` for each attribute that has a value; `true` writes the bare name. Names are constants of ours. */
export function attributes(all: Readonly<Record<string, string | number | boolean | undefined>>): Html {
  const written = Object.entries(all).map(([name, value]) => {
    if (value === undefined || value === false) return '';
    return value === true ? ` ${name}` : ` ${name}="${rendered(String(value))}"`;
  });
  return raw(written.join(''));
}

/** What every page is told besides its own model. */
export interface PageContext {
  readonly lang: Lang;
  /** `large`: 长辈版, with 您 for 你 and sizes of its own. */
  readonly mode: Mode;
  /** Path and query of this page as a GET can ask for it again: where the switches of language and mode come back. */
  readonly path: string;
  /** Epoch milliseconds when the page is made: for 今天, 昨天 and the like. */
  readonly now: number;
  /** Who is signed in; absent on pages before that. */
  readonly person?: { readonly maskedName: string };
  /** When the session ends unless it is used (epoch ms), and where a GET uses it and comes back here. */
  readonly sessionEnd?: { readonly at: number; readonly stay: string };
  /** The province does not answer, and this page is touched by it. */
  readonly banner?: Outage;
  /** Stands in every form as the hidden field `form_token`. */
  readonly formToken?: string;
  /** Says in the footer that this is a demonstration. */
  readonly demo: boolean;
}

/** Times are epoch milliseconds. */
export interface Outage {
  readonly since: number;
  readonly nextUpdate?: number;
}

/** A page as a pure function: what it shows goes in, the whole document comes out. */
export type View<Model> = (model: Model, page: PageContext) => string;

/** A view and models to render it with: every `*.view.ts` exports its own as `views`, and one test renders them all. */
export interface Shown<Model> {
  readonly view: View<Model>;
  readonly samples: Readonly<Record<string, Model>>;
}

export const shown = <Model>(view: View<Model>, samples: Readonly<Record<string, Model>>): Shown<Model> => ({
  view,
  samples,
});
