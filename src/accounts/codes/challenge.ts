import { hash } from 'node:crypto';
import type { Purpose, Room } from '../room.ts';

export interface CodeRequest {
  /** The interaction's uid: the code works in no other. */
  readonly flow: string;
  /** The random value of this browser's cookie. */
  readonly browser?: string;
}

/** Which account the code is for, where one is signed in half-way. */
export interface Challenge {
  readonly mobile: string;
  readonly purpose: Purpose;
  readonly at: number;
  readonly accountId?: string;
}

/** The store never sees the code: only this, under a key it does not have. */
export const codeMac = (room: Room, flow: string, purpose: Purpose, code: string): Buffer =>
  room.vault.mac('otp', `${flow}\n${purpose}\n${code}`);

/** What a code is for, as the store knows it: of the mobile's blind index. */
export const subjectOf = (index: Buffer): string =>
  hash('sha256', Buffer.concat([Buffer.from('otp\n'), index]), 'base64url');
