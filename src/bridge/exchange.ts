/** One POST and its answer, before anything in it is understood. */
import type { Fetch } from '../web/outbound/outbound.ts';

/** Why there is nothing to read: the code it counts as, and a word for the log (never a text of the other side). */
export interface NoAnswer {
  readonly code: '9001' | '9002' | '9999';
  readonly why: string;
}

const isJson = /^application\/json(?: *; *charset="?utf-8"?)? *$/i;

/**
 * Sends JSON and returns the bytes of the answer, or why there are none. No redirect is followed: it would carry the
 * question to a host that nobody configured. Rejects only for a fault of ours.
 */
export async function post(
  call: Fetch,
  url: string,
  body: string,
  options: { signal: AbortSignal; maxBytes: number },
): Promise<{ bytes: Uint8Array } | NoAnswer> {
  let response: Response;
  try {
    response = await call(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      signal: options.signal,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        accept: 'application/json',
        'accept-encoding': 'identity',
      },
    });
  } catch (error) {
    return broken(error, options.signal);
  }
  const refuse = async (answer: NoAnswer) => {
    await response.body?.cancel().catch(() => {});
    return answer;
  };
  if (response.status !== 200) {
    const redirect = response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400);
    if (redirect) return refuse({ code: '9999', why: 'redirect' });
    return refuse({ code: response.status === 504 ? '9002' : '9001', why: `HTTP ${response.status}` });
  }
  if (!isJson.test(response.headers.get('content-type') ?? '')) return refuse({ code: '9999', why: 'content type' });
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      // Leaving the loop cancels the rest.
      if (length > options.maxBytes) return { code: '9999', why: 'too large' };
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks) };
  } catch (error) {
    return broken(error, options.signal);
  }
}

function broken(error: unknown, signal: AbortSignal): NoAnswer {
  if (signal.aborted) return { code: '9002', why: 'no answer in time' };
  const cause = error instanceof Error ? error.cause : undefined;
  const word = cause instanceof Error && 'code' in cause ? String(cause.code) : 'connection';
  return { code: '9001', why: word };
}
