import { html } from 'ghtml';
import { type Department, type Lang, type Level, levelAsked, levelReached } from './department.ts';
import { notice, signInLink } from './page.view.ts';

/** What somebody is told who came with less than the matter asks, and the way to it. */
export function oneStepMissing(department: Department, level: Level, lang: Lang): string {
  const zh = lang === 'zh';
  const reached = levelReached(level)[lang];
  const needed = levelAsked(department.level)[lang];
  return html`!${notice(
    'limited',
    zh ? `还差一步：${needed}` : `One step is missing: ${needed}`,
    zh
      ? `你现在是${reached}。这件事要确认是本人，再去一次白鹭通行证就能实名。也可以到窗口办。`
      : `You are: ${reached}. This matter needs to know it is you. Go to Egret once more to be verified, or come to a counter.`,
  )}<p>!${signInLink(lang)}</p>`;
}
