import { normalizeNumber, type Refusal } from '../../accounts/accounts.ts';
import { field } from '../../web/desk.ts';
import { articlesVersion } from '../../web/words/articles.ts';
import type { Came, Forms } from '../forms.ts';
import { attemptOf, goOn, type Journey } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';
import type { Flow, Typed } from '../steps.ts';

/** Registration after its code, and the real name: its last step, or asked of somebody signed in. */
export function registrationSteps({ post, refused, patiently }: Forms, needs: SigninNeeds): void {
  const { accounts } = needs;
  const realNameOf = (typed: Typed) => ({ name: typed.fullName ?? '', idNumber: typed.idNumber ?? '' });
  const ofSomebodySignedIn = async ({ flow, browser }: Journey, typed: Typed): Promise<Came> => {
    if (!flow.signIn) return { flow };
    const { accountId, factors } = flow.signIn;
    const proved = await accounts.provideRealName(accountId, realNameOf(typed), browser);
    if (!proved.ok) return { name: blamed(proved), refusal: proved, typed };
    const assessed = await accounts.assess(accountId, factors);
    return { flow: { ...flow, signIn: assessed.ok ? assessed.signIn : flow.signIn, proved: true } };
  };
  const lastStep = async (journey: Journey, typed: Typed): Promise<Came> => {
    const { flow } = journey;
    const realName = realNameOf(typed);
    const done = await accounts.finishRegistration({ ...attemptOf(journey), draft: flow.draft ?? '', realName });
    if (done.ok) return { flow: { ...finished(flow), signIn: done.signIn, proved: true } };
    // name and number are known only now, and the password contains them: the step that chooses it comes again
    if (done.reason === 'password-own')
      return { flow: { ...flow, draft: undefined, notDone: { name: 'new_password', refusal: done } } };
    const notDone = { name: blamed(done), refusal: done, typed };
    // this person has an account: the mobile proved here joins it, if it is they who sign in to it in this journey
    if (done.reason !== 'identity-in-use' || flow.another || !flow.proof || !flow.code) return notDone;
    const { mobileMasked } = flow.code;
    const joining = { proof: flow.proof, idNumber: normalizeNumber(realName.idNumber), mobileMasked };
    return { flow: { ...flow, joining, notDone } };
  };
  const finished = (flow: Flow): Flow => ({ ...flow, draft: undefined, proof: undefined, code: undefined });

  post('another', ['mobile-in-use'], (journey) => goOn(needs, journey, { ...journey.flow, another: true }));

  post(
    'method',
    ['method'],
    async (journey) => {
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
      return goOn(needs, journey, { ...flow, draft: drafted.draft });
    },
    'signInPerAddress',
    ['new_password'],
  );
  post(
    'real-name',
    ['register-real-name', 'real-name'],
    (journey) => {
      const { request } = journey;
      const typed = {
        fullName: field(request, 'full_name', 100),
        idNumber: field(request, 'id_number', 64),
        cardType: field(request, 'card_type', 8),
      };
      return patiently(journey, journey.flow.signIn ? ofSomebodySignedIn(journey, typed) : lastStep(journey, typed));
    },
    'realNamePerAddress',
    ['full_name', 'id_number'],
  );
  post('later', ['register-real-name'], async (journey) => {
    const done = await accounts.finishRegistration({ ...attemptOf(journey), draft: journey.flow.draft ?? '' });
    if (!done.ok) return refused(journey, 'id_number', done);
    return goOn(needs, journey, { ...finished(journey.flow), signIn: done.signIn, declined: true });
  });
}

const blamed = (refusal: Refusal): string => (refusal.reason === 'not-a-name' ? 'full_name' : 'id_number');
