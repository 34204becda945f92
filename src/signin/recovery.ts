import type { Refusal } from '../accounts/accounts.ts';
import { field } from '../web/desk.ts';
import type { Forms } from './forms.ts';
import { goOn } from './journey.ts';
import type { SigninNeeds } from './needs.ts';

/**
 * A forgotten password after its code (codes.ts): for a real-named account name and number, then a new password. The
 * words are the same whether the account exists or not; other sessions end with the old password.
 */
export function recoverySteps({ post, refused }: Forms, needs: SigninNeeds): void {
  const { accounts, kickOutbox } = needs;
  post(
    'recover-identity',
    ['recover-identity'],
    (journey) => {
      const identity = {
        name: field(journey.request, 'full_name', 100) ?? '',
        idNumber: field(journey.request, 'id_number', 64) ?? '',
      };
      return goOn(needs, journey, { ...journey.flow, identity });
    },
    'realNamePerAddress',
  );
  post('new-password', ['new-password'], async (journey) => {
    const { flow, request, interaction, browser } = journey;
    const newPassword = field(request, 'new_password', 1024) ?? '';
    const done = await accounts.recover({
      flow: interaction.uid,
      proof: flow.recoverProof ?? '',
      newPassword,
      identity: flow.identity,
      browser,
    });
    if (done.ok) {
      kickOutbox();
      return goOn(needs, journey, { way: 'password', signIn: done.signIn, recovered: true });
    }
    if (isAboutPassword(done)) return refused(journey, 'new_password', done);
    // what was answered about name and number does not hold: it is asked again, with what is left to try
    return goOn(needs, journey, {
      ...flow,
      identity: undefined,
      identityRefused: { code: done.code, triesLeft: done.triesLeft, until: done.until },
    });
  });
}

const isAboutPassword = ({ reason }: Refusal): boolean => reason.startsWith('password-') || reason === 'expired';
