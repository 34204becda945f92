import { keyOf, type ProtocolState } from './state.ts';

/** One-time codes of a flow (accounts/needs.ts) on protocol state: spent by one atomic write, dead after five tries. */
export function oneTimeCodes(state: ProtocolState) {
  const key = (flow: string, purpose: string) => keyOf('OneTimeCode', `${flow}\n${purpose}`);
  return {
    async put(flow: string, purpose: string, code: { mac: Buffer; subject: string; expiresAt: number }): Promise<void> {
      const own = key(flow, purpose);
      const links = { mac: code.mac.toString('base64url') };
      const put = { key: own, payload: code.subject, expiresAt: code.expiresAt, links, single: true };
      await state.commit({ lock: own, put: [put] });
    },
    guess: (flow: string, purpose: string, mac: Buffer, guessId: string) =>
      state.guess(key(flow, purpose), mac.toString('base64url'), guessId),
  };
}
