import type { TransactionSql } from 'postgres';

export interface Message {
  readonly kind: 'sms' | 'logout';
  /** A mobile for 'sms', a client id for 'logout'. */
  readonly to: string;
  /** Sealed at rest; erased once it has nothing left to do. */
  readonly body: object;
  /** Two messages of one kind and key are one. */
  readonly key?: string;
  /** Milliseconds since the epoch: not sent after it. */
  readonly expiresAt: number;
}

export interface Outbox {
  /** Writes the message in the caller's transaction, and returns its id (of the first, where the key was used). */
  enqueue(tx: TransactionSql, message: Message): Promise<string>;
  /** Delivers what is due, now: call it when the transaction has committed. */
  kick(): void;
}
