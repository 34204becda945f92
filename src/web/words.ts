/**
 * Words. Chinese is the source; English has the same keys, or the program does not compile. Chinese is written with
 * 你: the large edition says 您 by itself, and where it needs other words than the standard one it names them, key by
 * key. Times are those of Beijing.
 */
export type Lang = 'zh-CN' | 'en';
export type Mode = 'standard' | 'large';

/** A name in both languages, as a department has it. */
export type Text = Readonly<Record<Lang, string>>;

// biome-ignore lint/suspicious/noExplicitAny: a word may take any parameters; `Words` keeps their types.
type Word = string | ((...values: any[]) => string);

/** The same keys, the same parameters. */
export type Words<Source> = {
  readonly [Key in keyof Source]: Source[Key] extends (...values: infer Values) => string
    ? (...values: Values) => string
    : string;
};

const aside = '\uE000';

/** 你 becomes 您, except in what was put into the sentence. */
function polite<W extends Word>(word: W): W {
  if (typeof word === 'string') return word.replaceAll('你', '您') as W;
  return ((...values: unknown[]) =>
    word(...values.map((value) => (typeof value === 'string' ? value.replaceAll('你', aside) : value)))
      .replaceAll('你', '您')
      .replaceAll(aside, '你')) as W;
}

/**
 * Builds the four editions once. `large` holds only what differs there from the standard words of its language.
 *
 * @returns the words for a page
 */
export function dictionary<Source extends Record<string, Word>>(
  zh: Source,
  en: Words<NoInfer<Source>>,
  large: { readonly zh?: Partial<Words<NoInfer<Source>>>; readonly en?: Partial<Words<NoInfer<Source>>> } = {},
): (page: { readonly lang: Lang; readonly mode: Mode }) => Words<Source> {
  const large_ = Object.entries({ ...zh, ...large.zh }).map(([key, word]) => [key, polite(word as Word)]);
  const editions = {
    'zh-CN': { standard: zh as unknown as Words<Source>, large: Object.fromEntries(large_) as Words<Source> },
    en: { standard: en, large: { ...en, ...large.en } as Words<Source> },
  };
  return (page) => editions[page.lang][page.mode];
}

/** A catalogue text of an error, or any other finished sentence, in the tone of the page. */
export const inTone = (sentence: string, page: { readonly lang: Lang; readonly mode: Mode }): string =>
  page.lang === 'zh-CN' && page.mode === 'large' ? polite(sentence) : sentence;

const beijing = { timeZone: 'Asia/Shanghai', hourCycle: 'h23' } as const;
const clockFormat = new Intl.DateTimeFormat('en-GB', { ...beijing, hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('sv-SE', { ...beijing, year: 'numeric', month: '2-digit', day: '2-digit' });

/** `09:26` */
export const clockTime = (at: number): string => clockFormat.format(at);
/** `2026-03-18` */
export const dateOf = (at: number): string => dayFormat.format(at);
/** `2026-03-18 09:16` */
export const dateTime = (at: number): string => `${dateOf(at)} ${clockTime(at)}`;

const day = 86_400_000;
const near = {
  'zh-CN': { today: '今天', yesterday: '昨天', tomorrow: '明天' },
  en: { today: 'today', yesterday: 'yesterday', tomorrow: 'tomorrow' },
} as const satisfies Record<Lang, Record<string, string>>;

/** `今天 08:52`, `昨天 17:40`, `2026-03-11 15:40`. */
export function nearTime(at: number, page: { readonly lang: Lang; readonly now: number }): string {
  return `${nearDay(at, page)} ${clockTime(at)}`;
}

/** `今天`, `昨天`, `明天`, or the date. */
export function nearDay(at: number, page: { readonly lang: Lang; readonly now: number }): string {
  const words = near[page.lang];
  const date = dateOf(at);
  if (date === dateOf(page.now)) return words.today;
  if (date === dateOf(page.now - day)) return words.yesterday;
  if (date === dateOf(page.now + day)) return words.tomorrow;
  return date;
}

/** A time still to come: `09:26` today, `明天 00:10` later. */
export const comingTime = (at: number, page: { readonly lang: Lang; readonly now: number }): string =>
  dateOf(at) === dateOf(page.now) ? clockTime(at) : nearTime(at, page);
