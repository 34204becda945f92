import type { Code } from '../../errors.ts';
import { dictionary } from '../words.ts';

/** What is added to the catalogue's text of a problem: tries left, and until when. */
const bare = (text: string): string => text.replace(/[。.]$/, '');
const today: readonly Code[] = ['EG-1301', 'EG-P2004', 'EG-1110'];

function tries(code: Code, left: number): string {
  if (!today.includes(code)) return `还可以再试 ${left} 次`;
  return left === 0 ? '今天的次数用完了，明天再试' : `今天还可以试 ${left} 次`;
}

export const problemWords = dictionary(
  {
    triesLeft: (code: Code, text: string, left: number) =>
      `${code === 'EG-1110' ? '没能确认是你本人' : bare(text)}，${tries(code, left)}`,
    until: (text: string, time: string) => `${bare(text)}。${time} 之后可以再试`,
  },
  {
    triesLeft: (code, text, left) =>
      `${code === 'EG-1110' ? 'We could not confirm that it is you' : bare(text)}. ${left === 0 ? 'No' : left} ${left === 1 ? 'try' : 'tries'} left${today.includes(code) ? ' today' : ''}`,
    until: (text, time) => `${bare(text)}. Try again after ${time}`,
  },
);
