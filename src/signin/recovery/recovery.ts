import { parseIdNumber, parseName, type Reason } from '../../accounts/accounts.ts';
import { field } from '../../web/desk.ts';
import type { Problem } from '../../web/parts.view.ts';
import { draw } from '../draw.ts';
import type { Came, Forms } from '../forms.ts';
import { attemptOf, goOn } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';

/** What the province said that no other answer about name and number would change: a page of its own. */
const elsewhere: readonly Reason[] = [
  'province-unreachable',
  'province-later',
  'other-way',
  'blocked',
  'counter',
  'minor',
];

/**
 * A forgotten password after its code (codes.ts): for a real-named account name and number, then a new password. The
 * words are the same whether the account exists or not; other sessions end with the old password.
 */
export function recoverySteps({ post, patiently }: Forms, needs: SigninNeeds): void {
  const { accounts, desk, kickOutbox } = needs;
  post(
    'recover-identity',
    ['recover-identity'],
    async (journey) => {
      const typed = {
        fullName: field(journey.request, 'full_name', 100) ?? '',
        idNumber: field(journey.request, 'id_number', 64) ?? '',
      };
      const problems: Problem[] = [];
      if (!parseName(typed.fullName)) problems.push({ field: 'full_name', code: 'EG-1308' });
      if (!parseIdNumber(typed.idNumber, desk.clock.now())) problems.push({ field: 'id_number', code: 'EG-1307' });
      if (problems.length > 0) return draw(needs, journey, problems, typed);
      const identity = { name: typed.fullName, idNumber: typed.idNumber };
      return goOn(needs, journey, { ...journey.flow, identity });
    },
    'realNamePerAddress',
    ['full_name', 'id_number'],
  );
  post(
    'new-password',
    ['new-password'],
    (journey) => {
      const { flow, request } = journey;
      const newPassword = field(request, 'new_password', 1024) ?? '';
      const recover = async (): Promise<Came> => {
        const { recoverProof: proof = '', identity, login } = flow;
        const done = await accounts.recover({ ...attemptOf(journey), proof, newPassword, identity });
        if (done.ok) {
          kickOutbox();
          return { flow: { way: 'password', signIn: done.signIn, login, recovered: true } };
        }
        const { code, triesLeft, until, reason } = done;
        if (reason.startsWith('password-') || reason === 'expired') return { name: 'new_password', refusal: done };
        if (elsewhere.includes(reason)) return { name: 'id_number', refusal: done };
        // what was answered about name and number does not hold: it is asked again, with what is left to try
        return { flow: { ...flow, identity: undefined, identityRefused: { code, triesLeft, until } } };
      };
      return patiently(journey, recover());
    },
    'signInPerAddress',
    ['new_password'],
  );
}
