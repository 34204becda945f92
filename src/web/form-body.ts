import type { FastifyInstance } from 'fastify';
import { EgretError } from '../errors.ts';

/** Bytes of a form, and how many fields it may have: the longest of ours, every box ticked, sends twenty. */
const limits = { bytes: 64 * 1024, fields: 200 } as const;

/**
 * Forms, and nothing else, are read in this scope: another type, or a compressed one, is EG-1007; a form in broken text
 * EG-1001; one with more fields than any page has EG-1005. A lenient reader takes `%zz` as it stands and counts a try.
 */
export function readForms(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: limits.bytes } as const;
  scope.addContentTypeParser<Buffer>('application/x-www-form-urlencoded', options, (request, body, done) => {
    try {
      if (request.headers['content-encoding'] !== undefined) throw new EgretError('EG-1007');
      done(null, parseForm(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Names and their values, a list where a name is repeated. */
export function parseForm(body: Buffer): Readonly<Record<string, string | string[]>> {
  const text = decoded(body);
  if (text.split('&', limits.fields + 1).length > limits.fields) throw new EgretError('EG-1005', { log: 'fields' });
  const form: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const known = form[name];
    form[name] = known === undefined ? value : [known, value].flat();
  }
  return form;
}

/** As browsers write it: UTF-8, every escape whole and of a character (WHATWG URL, 5.2). */
function decoded(body: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    decodeURIComponent(text);
    return text;
  } catch {
    throw new EgretError('EG-1001', { log: 'a form that is no text' });
  }
}
