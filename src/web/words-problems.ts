import type { Code } from '../errors.ts';
import { dictionary } from './words.ts';

/** What is added to the catalogue's text of a problem: tries left, and until when. */
const bare = (text: string): string => text.replace(/[。.]$/, '');
const today: readonly Code[] = ['EG-1301', 'EG-P2004', 'EG-1110'];

export const problemWords = dictionary(
  {
    triesLeft: (code: Code, text: string, left: number) =>
      `${code === 'EG-1110' ? '没能确认是你本人' : bare(text)}，${today.includes(code) ? '今天' : ''}还可以${today.includes(code) ? '试' : '再试'} ${left} 次`,
    until: (text: string, time: string) => `${bare(text)}。${time} 之后可以再试`,
  },
  {
    triesLeft: (code, text, left) =>
      `${code === 'EG-1110' ? 'We could not confirm that it is you' : bare(text)}. ${left} ${left === 1 ? 'try' : 'tries'} left${today.includes(code) ? ' today' : ''}`,
    until: (text, time) => `${bare(text)}. Try again after ${time}`,
  },
);
