import type { FastifyReply } from 'fastify';
import { parseMobile } from '../../accounts/accounts.ts';
import { field } from '../../web/desk.ts';
import type { Problem } from '../../web/parts.view.ts';
import { draw } from '../draw.ts';
import type { Forms } from '../forms.ts';
import { attemptOf, goOn, type Journey } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';
import type { Typed } from '../steps.ts';

/**
 * Codes by SMS: asking for one, asking again, handing it in. One page and one route for sign-in, registration, recovery
 * and the second factor: what a right code leads to is told by the purpose it was sent for.
 */
export function codeSteps({ post, refused }: Forms, needs: SigninNeeds): void {
  const { accounts } = needs;
  const ways = { 'sign-in': 'sms', register: 'register', recover: 'recover' } as const;
  const send = async (
    journey: Journey,
    purpose: keyof typeof ways,
    mobile: string,
    typed: Typed = {},
  ): Promise<FastifyReply> => {
    const sent = await accounts.requestCode({ ...attemptOf(journey), purpose, mobile });
    if (!sent.ok) return refused(journey, journey.step === 'code' ? 'otp' : 'mobile', sent, typed);
    const { ok: _ok, ...code } = sent;
    const { joining, shared } = journey.flow;
    const login = parseMobile(mobile);
    return goOn(needs, journey, { way: ways[purpose], code: { purpose, mobile, ...code }, login, joining, shared });
  };
  post(
    'mobile',
    ['sms'],
    (journey) => {
      const mobile = field(journey.request, 'mobile', 32) ?? '';
      return send(journey, 'sign-in', mobile, { mobile });
    },
    'codesPerAddress',
    ['mobile'],
  );
  post(
    'register',
    ['register-mobile'],
    (journey) => {
      const mobile = field(journey.request, 'mobile', 32) ?? '';
      const agreed = field(journey.request, 'agree_terms', 8) !== undefined;
      const problems: Problem[] = [];
      if (!parseMobile(mobile)) problems.push({ field: 'mobile', code: 'EG-1206' });
      if (!agreed) problems.push({ field: 'agree_terms', code: 'EG-1008' });
      if (problems.length > 0) return draw(needs, journey, problems, { mobile, agreed });
      return send(journey, 'register', mobile, { mobile, agreed });
    },
    'registrationsPerAddress',
    ['mobile', 'agree_terms'],
  );
  post(
    'recover',
    ['recover-mobile'],
    (journey) => {
      const mobile = field(journey.request, 'mobile', 32) ?? '';
      return send(journey, 'recover', mobile, { mobile });
    },
    'codesPerAddress',
    ['mobile'],
  );
  post(
    'resend',
    ['code', 'second-factor'],
    async (journey) => {
      const { code, signIn } = journey.flow;
      if (code && code.purpose !== 'second-factor') return send(journey, code.purpose, code.mobile);
      if (!signIn) return journey.reply.redirect(journey.at, 303);
      const sent = await accounts.requestSecondFactor({ ...attemptOf(journey), accountId: signIn.accountId });
      if (!sent.ok) return refused(journey, code ? 'otp' : 'send', sent);
      const { ok: _ok, ...rest } = sent;
      return goOn(needs, journey, { ...journey.flow, code: { purpose: 'second-factor', mobile: '', ...rest } });
    },
    'codesPerAddress',
  );

  post(
    'code',
    ['code'],
    async (journey) => {
      const { flow } = journey;
      const otp = field(journey.request, 'otp', 16) ?? '';
      if (!flow.code) return journey.reply.redirect(journey.at, 303);
      const attempt = { ...attemptOf(journey), challenge: flow.code.challenge, code: otp };
      if (flow.code.purpose === 'recover') {
        const proved = await accounts.proveForRecovery(attempt);
        if (!proved.ok) return refused(journey, 'otp', proved);
        return goOn(needs, journey, {
          ...flow,
          code: undefined,
          recoverProof: proved.proof,
          identityAsked: proved.identityNeeded,
        });
      }
      if (flow.code.purpose === 'register') {
        const proved = await accounts.proveMobile({ ...attempt, purpose: 'register' });
        if (!proved.ok) return refused(journey, 'otp', proved);
        return goOn(needs, journey, { ...flow, proof: proved.proof, mobileInUse: proved.mobileInUse });
      }
      const tried =
        flow.code.purpose === 'second-factor' && flow.signIn
          ? await accounts.addSms({ ...attempt, accountId: flow.signIn.accountId, factors: flow.signIn.factors })
          : await accounts.signInWithSms({ ...attempt, another: flow.shared });
      if (tried.ok) return goOn(needs, journey, { ...flow, signIn: tried.signIn, code: undefined });
      if (tried.reason === 'identity-needed')
        return goOn(needs, journey, { ...flow, identityProof: tried.proof, code: undefined });
      return refused(journey, 'otp', tried);
    },
    'signInPerAddress',
    ['otp'],
  );
}
