import { field } from '../web/desk.ts';
import type { Came, Forms } from './forms.ts';
import { attemptOf, goOn } from './journey.ts';
import type { SigninNeeds } from './needs.ts';

/** What else proves who it is: the password, the ID number after a code, the password after another factor. */
export function provingSteps({ post, refused, patiently }: Forms, needs: SigninNeeds): void {
  const { accounts } = needs;
  post(
    'password',
    ['password', 'paused'],
    async (journey) => {
      const { request, browser } = journey;
      const loginId = field(request, 'login_id', 64) ?? '';
      const tried = await accounts.signInWithPassword({
        loginId,
        password: field(request, 'password', 1024) ?? '',
        browser,
      });
      if (tried.ok)
        return goOn(needs, journey, { ...journey.flow, way: 'password', signIn: tried.signIn, login: loginId });
      if (tried.reason === 'password-paused')
        return goOn(needs, journey, { way: 'password', pausedUntil: tried.until, joining: journey.flow.joining });
      return refused(journey, tried.reason === 'not-a-login-name' ? 'login_id' : 'password', tried, { loginId });
    },
    'signInPerAddress',
  );

  post(
    'identity',
    ['identity'],
    (journey) => {
      const idNumber = field(journey.request, 'id_number', 64) ?? '';
      const prove = async (): Promise<Came> => {
        const proof = journey.flow.identityProof ?? '';
        const tried = await accounts.signInWithIdNumber({ ...attemptOf(journey), proof, idNumber });
        if (!tried.ok) return { name: 'id_number', refusal: tried };
        return { flow: { ...journey.flow, signIn: tried.signIn, identityProof: undefined } };
      };
      return patiently(journey, prove());
    },
    'signInPerAddress',
  );
  post(
    'second-password',
    ['second-password'],
    async (journey) => {
      const { signIn } = journey.flow;
      if (!signIn) return journey.reply.redirect(journey.at, 303);
      const tried = await accounts.addPassword({
        accountId: signIn.accountId,
        factors: signIn.factors,
        password: field(journey.request, 'password', 1024) ?? '',
        browser: journey.browser,
      });
      if (!tried.ok) return refused(journey, 'password', tried);
      return goOn(needs, journey, { ...journey.flow, signIn: tried.signIn });
    },
    'signInPerAddress',
  );

  post('decline', ['real-name', 'second-factor', 'code', 'second-password'], (journey) =>
    goOn(needs, journey, { ...journey.flow, code: undefined, declined: true }),
  );
}
