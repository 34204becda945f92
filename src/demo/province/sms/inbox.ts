import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';

/** What would have gone to telephones. In memory only, the newest thousand, and never in a log. */
export interface Inbox {
  /** A repeated request id of a caller sends nothing. */
  send(caller: string, requestId: string, message: Omit<Message, 'id' | 'at'>): 'sent' | 'repeated';
  /** Of one mobile, or all; the latest first. */
  messages(mobile?: string): readonly Message[];
  /** Counts one that went to a number outside the reserved space; the number is not kept. */
  refuse(): void;
  readonly refused: number;
  reset(): void;
}

export interface Message {
  readonly id: string;
  /** Milliseconds. */
  readonly at: number;
  readonly mobile: string;
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
  readonly text: string;
}

const kept = 1_000;
const requestsKept = 100_000;

export function createInbox(clock: Clock): Inbox {
  let messages: Message[] = [];
  let refused = 0;
  const requests = new Set<string>();

  return {
    send(caller, requestId, message) {
      const request = `${caller} ${requestId}`;
      if (requests.has(request)) return 'repeated';
      requests.add(request);
      const [oldest] = requests;
      if (requests.size > requestsKept && oldest !== undefined) requests.delete(oldest);
      messages = [{ id: randomUUID(), at: clock.now(), ...message }, ...messages.slice(0, kept - 1)];
      return 'sent';
    },
    messages: (mobile) => (mobile ? messages.filter((message) => message.mobile === mobile) : messages),
    refuse() {
      refused += 1;
    },
    get refused() {
      return refused;
    },
    reset() {
      messages = [];
      refused = 0;
      requests.clear();
    },
  };
}
