import { parseLoginId } from '../../accounts/accounts.ts';
import { field } from '../../web/desk.ts';
import type { Problem } from '../../web/parts.view.ts';
import { paused } from '../attempts.ts';
import { draw } from '../draw.ts';
import type { Came, Forms } from '../forms.ts';
import { attemptOf, goOn } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';

/** What else proves who it is: the password, the ID number after a code, the password after another factor. */
export function provingSteps({ post, refused, patiently }: Forms, needs: SigninNeeds): void {
  const { accounts, desk } = needs;
  post(
    'password',
    ['password', 'paused'],
    async (journey) => {
      const { request, browser } = journey;
      const loginId = field(request, 'login_id', 64) ?? '';
      const password = field(request, 'password', 1024) ?? '';
      const problems: Problem[] = [];
      if (!parseLoginId(loginId, desk.clock.now())) problems.push({ field: 'login_id', code: 'EG-1103' });
      if (password === '') problems.push({ field: 'password', code: 'EG-1113' });
      // what cannot be right is no guess, and counts as none
      if (problems.length > 0) return draw(needs, journey, problems, { loginId });
      const tried = await accounts.signInWithPassword({ loginId, password, browser });
      if (tried.ok)
        return goOn(needs, journey, { ...journey.flow, way: 'password', signIn: tried.signIn, login: loginId });
      paused(needs, journey, tried);
      if (tried.reason === 'password-paused')
        return goOn(needs, journey, { way: 'password', pausedUntil: tried.until, joining: journey.flow.joining });
      return refused(journey, tried.reason === 'not-a-login-name' ? 'login_id' : 'password', tried, { loginId });
    },
    'signInPerAddress',
    ['login_id', 'password'],
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
    ['id_number'],
  );
  post(
    'second-password',
    ['second-password'],
    async (journey) => {
      const { signIn } = journey.flow;
      if (!signIn) return journey.reply.redirect(journey.at, 303);
      const password = field(journey.request, 'password', 1024) ?? '';
      if (password === '') return draw(needs, journey, [{ field: 'password', code: 'EG-1113' }]);
      const tried = await accounts.addPassword({
        accountId: signIn.accountId,
        factors: signIn.factors,
        password,
        browser: journey.browser,
      });
      if (!tried.ok) {
        paused(needs, journey, tried);
        return refused(journey, 'password', tried);
      }
      return goOn(needs, journey, { ...journey.flow, signIn: tried.signIn });
    },
    'signInPerAddress',
    ['password'],
  );

  post('decline', ['real-name', 'second-factor', 'code', 'second-password'], (journey) =>
    goOn(needs, journey, { ...journey.flow, code: undefined, declined: true }),
  );
}
