import { dictionary, type Lang } from '../words.ts';

/**
 * What the pages of the footer say. Chinese is the text that counts; English says the same. A change of what is kept,
 * or of the rules, is a new version: registrations record the one that was accepted.
 */
export const articlesVersion = '2026-11-24';

export interface Section {
  /** Where other pages link to. */
  readonly id?: string;
  readonly heading: string;
  readonly text?: readonly string[];
  readonly list?: readonly string[];
  /** Stands under the list. */
  readonly after?: readonly string[];
}

export interface Article {
  readonly title: string;
  readonly lead: string;
  readonly sections: readonly Section[];
}

export type Articles = Readonly<Record<Lang, Article>>;

export const articleWords = dictionary(
  {
    version: (version: string) => `版本 ${version}，自当日起施行`,
    onlyChinese: '以中文本为准。',
    demo: '这是演示环境：人和数据都是编造的，请不要填写真实的个人信息。',
    demoTitle: '演示环境',
  },
  {
    version: (version) => `Version ${version}, in force from that day`,
    onlyChinese: 'The Chinese text is authoritative.',
    demo: 'This is a demonstration: people and data are made up. Please do not enter real personal data.',
    demoTitle: 'Demonstration',
  },
);
