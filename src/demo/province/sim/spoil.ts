import { isJson, type Json } from '../wire/envelope.ts';
import type { Fault } from './faults.ts';

/** An answer as it leaves. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

const page = (words: string) =>
  Buffer.from(
    `<!doctype html>\n<html lang="zh-CN">\n<title>${words}</title>\n<h1>${words}</h1>\n<p>nginx</p>\n</html>\n`,
  );

const html = 'text/html; charset=utf-8';
export const jsonType = 'application/json; charset=utf-8';

const words: Readonly<Record<string, string>> = {
  '500': '500 Internal Server Error',
  '502': '502 Bad Gateway',
  '503': '503 Service Temporarily Unavailable',
};

/** The answer that stands in place of any other; undefined when the kind spoils one that was worked out. */
export function instead({ kind }: Fault): Answer | undefined {
  const text = words[kind];
  if (text) return { status: Number(kind), type: html, body: page(text) };
  return kind === 'html' ? { status: 200, type: html, body: page('系统升级中') } : undefined;
}

/** Spoils the bytes of an answer that is right in itself. */
export function spoilBytes(fault: Fault | undefined, answer: Answer): Answer {
  if (!fault) return answer;
  if (fault.kind === 'truncated') return { ...answer, body: answer.body.subarray(0, answer.body.length / 2) };
  if (fault.kind === 'content-type') return { ...answer, type: 'text/plain; charset=utf-8' };
  return instead(fault) ?? answer;
}

const mainFields = ['USER_AUTHLEVEL', 'RESULT', 'STATUS', 'keys', 'REQUEST_ID'];

/** One field of another type, in the data where it stands there, else in the answer around it. Not signed yet. */
export function retype(fault: Fault, answer: Json): Json {
  const data = isJson(answer.data) ? answer.data : {};
  const field = fault.field ?? mainFields.find((name) => name in data) ?? 'success';
  if (field in data) return { ...answer, data: { ...data, [field]: otherType(data[field]) } };
  return field in answer ? { ...answer, [field]: otherType(answer[field]) } : answer;
}

/** Text that is a number as a number, other text in a list, what is no text as text. */
function otherType(value: unknown): unknown {
  if (typeof value !== 'string') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /^\d{1,15}$/.test(value) ? Number(value) : [value];
}
