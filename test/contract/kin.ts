import type { Test } from 'tap';
import { type Batch, type Committed, digestOf, type Key, type ProtocolState } from '../../src/provider/state/state.ts';
import { type Bench, family, later, write } from './engines.ts';

/** Cases of the contract, by what they say of it. */
export type Cases = Record<string, (t: Test, bench: Bench) => Promise<void>>;

export const trials = 25;
export const at = (why: string, all: readonly Committed[]) =>
  all.filter((one) => (one.ok ? 'ok' : one.why) === why).length;
export const refused = (why: string) => ({ ok: false, why });
export const done = { ok: true, repeated: false };

/** A family that stands: session, grant, and a code or token on both. */
export async function standing(state: ProtocolState) {
  const kin = family();
  const links = { g: digestOf(kin.grant), s: digestOf(kin.session) };
  await write(state, [
    { key: kin.session, payload: 'session', expiresAt: later(), links: { 'g:dept': digestOf(kin.grant) } },
    { key: kin.grant, payload: 'grant', expiresAt: later(), links: { s: digestOf(kin.session) } },
    { key: kin.code, payload: 'code', expiresAt: later(), links },
  ]);
  return { ...kin, links };
}
export type Kin = Awaited<ReturnType<typeof standing>>;

/** Spends a code for one access token, as a token request does. */
export function redemption(kin: Kin, token: Key = kin.key('AccessToken')): Batch {
  return {
    lock: kin.session,
    need: [kin.session, kin.grant],
    spend: { key: kin.code, for: 'tokens' },
    put: [{ key: token, payload: 'token', expiresAt: later(), links: kin.links }],
    events: ['issued'],
  };
}

export function rotation(kin: Kin, successor: Key, payload = 'heir'): Batch {
  return {
    lock: kin.session,
    need: [kin.session, kin.grant],
    spend: { key: kin.code, for: 'rotation', window: 10_000, successor },
    put: [{ key: successor, payload, expiresAt: later(), links: kin.links, once: true }],
  };
}
