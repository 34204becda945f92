import * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import { open, openProof, type Room, record, referenceTo, violated } from '../room.ts';

/**
 * The proved mobile joins the account that is signed in now: after a second registration ended at "sign in", or as a
 * new number. It becomes the login name, unless it is another person's; the mobile before it is told. For a day SMS to
 * it is no second factor: nothing but the sign-in of now stands behind it.
 */
export async function joinMobile(
  room: Room,
  request: { flow: string; proof: string; accountId: string },
): Promise<Outcome<{ isLogin: boolean }>> {
  const proof = openProof(room, request.flow, request.proof, ['register', 'join']);
  if (!proof) return refuse('expired');
  const { mobile } = proof;
  const index = room.vault.blindIndex('mobile', mobile);
  const now = room.clock.now();
  const at = new Date(now);
  const attempt = () =>
    room.database.begin(async (tx): Promise<Outcome<{ isLogin: boolean }>> => {
      const row = await records.accountById(tx, request.accountId, true);
      if (row?.state !== 'active') return refuse('way-closed');
      const before = open(room, row);
      const common = { outcome: 'success', subject: referenceTo(room, row.id) } as const;
      const others = await records.accountsByMobile(tx, index, undefined);
      const isLogin = !others.some((other) => other.mobile_is_login && other.id !== row.id);
      if (before.mobile === mobile) {
        await records.updateAccount(tx, row.id, { mobile_proved_at: at, mobile_is_login: isLogin });
        await record(room, tx, { type: 'account.mobile-added', ...common, detail: { way: 'proved-again' } });
        return { ok: true, isLogin };
      }
      await records.updateAccount(tx, row.id, {
        mobile_index: index,
        mobile: room.vault.seal(mobile, `account.mobile:${row.id}`),
        mobile_is_login: isLogin,
        mobile_proved_at: new Date(proof.at),
        mobile_joined_at: at,
        updated_at: at,
      });
      await record(room, tx, {
        type: 'account.mobile-added',
        ...common,
        detail: { way: before.mobile ? 'replaced' : 'added' },
      });
      if (before.mobile) {
        const text = '你的白鹭通行证换了手机号。如果不是你本人操作，请拨打 12345。';
        const body = { template: 'notice', params: { text } };
        await room.outbox.enqueue(tx, { kind: 'sms', to: before.mobile, body, expiresAt: now + room.settings.smsHold });
      }
      return { ok: true, isLogin };
    });
  let joined: Outcome<{ isLogin: boolean }>;
  try {
    joined = await attempt();
  } catch (error) {
    // someone took it as login name between the look and the write: look again
    if (violated(error) !== 'accounts_login_mobile') throw error;
    joined = await attempt();
  }
  room.outbox.kick();
  return joined;
}
