import { type Code, EgretError } from './errors.ts';

/** Something that is not in order, as an operator is told of it: a line each, never with what is secret. */
export interface Problem {
  readonly code: Code;
  /** What was found, here. */
  readonly text: string;
  /** What to do about it. */
  readonly mend: string;
}

/** A refusal for every reason that was found, and not for the first alone. */
export class Refused extends EgretError {
  readonly problems: readonly Problem[];

  /** `code` stands for the whole; without it, the first problem's. */
  constructor(problems: readonly Problem[], code: Code = problems[0]?.code ?? 'EG-1700') {
    super(code, { log: problems.map(({ text }) => text).join('\n') });
    this.problems = problems;
  }
}

/** `EG-1910  what is wrong. Mend: what to do.`, one line. */
export const problemLine = ({ code, text, mend }: Problem): string =>
  `${code}  ${text}. Mend: ${mend}.`.replace(/\s*\n\s*/g, ' ');
