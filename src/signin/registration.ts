import type { Refusal } from '../accounts/accounts.ts';
import { field } from '../web/desk.ts';
import { articlesVersion } from '../web/words-articles.ts';
import type { Forms } from './forms.ts';
import { attemptOf, goOn } from './journey.ts';
import type { SigninNeeds } from './needs.ts';

/** Registration after its code, and the real name: its last step, or asked of somebody signed in. */
export function registrationSteps({ post, refused }: Forms, needs: SigninNeeds): void {
  const { accounts } = needs;
  post('another', ['mobile-in-use'], (journey) => goOn(needs, journey, { ...journey.flow, another: true }));

  post('method', ['method'], async (journey) => {
    const { flow } = journey;
    const skipped = field(journey.request, 'method', 16) === 'skip';
    const password = skipped ? undefined : (field(journey.request, 'new_password', 1024) ?? '');
    const drafted = await accounts.draftRegistration({
      flow: journey.interaction.uid,
      proof: flow.proof ?? '',
      password,
      termsVersion: articlesVersion,
      another: flow.another,
    });
    if (!drafted.ok) return refused(journey, 'new_password', drafted);
    return goOn(needs, journey, { ...flow, proof: undefined, draft: drafted.draft });
  });
  post(
    'real-name',
    ['register-real-name', 'real-name'],
    async (journey) => {
      const { flow, request } = journey;
      const typed = {
        fullName: field(request, 'full_name', 100),
        idNumber: field(request, 'id_number', 64),
        cardType: field(request, 'card_type', 8),
      };
      const realName = { name: typed.fullName ?? '', idNumber: typed.idNumber ?? '' };
      if (journey.step === 'real-name' && flow.signIn) {
        const proved = await accounts.provideRealName(flow.signIn.accountId, realName);
        if (!proved.ok) return refused(journey, blamed(proved), proved, typed);
        const assessed = await accounts.assess(flow.signIn.accountId, flow.signIn.factors);
        return goOn(needs, journey, { ...flow, signIn: assessed.ok ? assessed.signIn : flow.signIn, proved: true });
      }
      const done = await accounts.finishRegistration({ ...attemptOf(journey), draft: flow.draft ?? '', realName });
      if (!done.ok) return refused(journey, blamed(done), done, typed);
      return goOn(needs, journey, { ...flow, draft: undefined, code: undefined, signIn: done.signIn, proved: true });
    },
    'realNamePerAddress',
  );
  post('later', ['register-real-name'], async (journey) => {
    const done = await accounts.finishRegistration({ ...attemptOf(journey), draft: journey.flow.draft ?? '' });
    if (!done.ok) return refused(journey, 'id_number', done);
    return goOn(needs, journey, {
      ...journey.flow,
      draft: undefined,
      code: undefined,
      signIn: done.signIn,
      declined: true,
    });
  });
}

const blamed = (refusal: Refusal): string => (refusal.reason === 'not-a-name' ? 'full_name' : 'id_number');
