/**
 * The sign-in journey: who is it, which level, may this be given. Each request reads the interaction of this browser
 * and what it has come to; one dispatcher (steps.ts) chooses the step; a form changes the stored state and goes back to
 * the one address. It owns no rule about people (accounts), consent (consents) or protocol (provider).
 * Routes: GET /signin/:uid; POST /signin/:uid/{password, mobile, register, code, resend, identity, another, method,
 * real-name, later, decline, second-password, roaming, consent}.
 */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { InteractionResults } from 'oidc-provider';
import type { Refusal } from '../accounts/accounts.ts';
import { field, fields } from '../web/desk.ts';
import { articlesVersion } from '../web/words-articles.ts';
import { draw, itemsOf, type Typed } from './draw.ts';
import { createForms } from './forms.ts';
import { goOn, type Journey, leave, openJourney } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import { provincialSteps } from './provincial.ts';
import { recoverySteps } from './recovery.ts';

export type { SigninNeeds } from './needs.ts';

export async function signin(server: FastifyInstance, needs: SigninNeeds): Promise<void> {
  const { accounts, desk, interactions, consents, endSession, kickOutbox } = needs;

  server.get('/signin/:uid', async (request, reply) => {
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    const { way, seen } = request.query as { way?: unknown; seen?: unknown };
    if (way === 'password' || way === 'sms' || way === 'register' || way === 'recover')
      return goOn(needs, journey, { way });
    if (seen === 'result') return goOn(needs, journey, { ...journey.flow, proved: false, recovered: false });
    return draw(needs, journey);
  });

  const forms = createForms(server, needs);
  const { post, refused } = forms;
  recoverySteps(forms, needs);
  provincialSteps(server, forms, needs);
  const identity = ({ request, interaction, browser }: Journey) => ({ request, flow: interaction.uid, browser });

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
      if (tried.ok) return goOn(needs, journey, { ...journey.flow, way: 'password', signIn: tried.signIn });
      if (tried.reason === 'password-paused')
        return goOn(needs, journey, { way: 'password', pausedUntil: tried.until });
      return refused(journey, tried.reason === 'not-a-login-name' ? 'login_id' : 'password', tried, { loginId });
    },
    'signInPerAddress',
  );

  const send = async (
    journey: Journey,
    purpose: 'sign-in' | 'register',
    mobile: string,
    typed: Typed,
  ): Promise<FastifyReply> => {
    const sent = await accounts.requestCode({ ...identity(journey), purpose, mobile });
    if (!sent.ok) return refused(journey, journey.step === 'code' ? 'otp' : 'mobile', sent, typed);
    kickOutbox();
    const { ok: _ok, ...code } = sent;
    return goOn(needs, journey, {
      way: purpose === 'register' ? 'register' : 'sms',
      code: { purpose, mobile, ...code },
    });
  };
  const sendRecovery = async (journey: Journey, mobile: string): Promise<FastifyReply> => {
    const sent = await accounts.requestCode({ ...identity(journey), purpose: 'recover', mobile });
    if (!sent.ok) return refused(journey, 'otp', sent);
    kickOutbox();
    const { ok: _ok, ...code } = sent;
    return goOn(needs, journey, { way: 'recover', code: { purpose: 'recover', mobile, ...code } });
  };
  post(
    'mobile',
    ['sms'],
    (journey) => {
      const mobile = field(journey.request, 'mobile', 32) ?? '';
      return send(journey, 'sign-in', mobile, { mobile });
    },
    'codesPerAddress',
  );
  post(
    'register',
    ['register-mobile'],
    (journey) => {
      const mobile = field(journey.request, 'mobile', 32) ?? '';
      const agreed = field(journey.request, 'agree_terms', 8) !== undefined;
      if (!agreed) return draw(needs, journey, [{ field: 'agree_terms', code: 'EG-1008' }], { mobile, agreed });
      return send(journey, 'register', mobile, { mobile, agreed });
    },
    'registrationsPerAddress',
  );
  post(
    'resend',
    ['code', 'second-factor'],
    async (journey) => {
      const { code, signIn } = journey.flow;
      if (code?.purpose === 'register' || code?.purpose === 'sign-in')
        return send(journey, code.purpose, code.mobile, {});
      if (code?.purpose === 'recover') return sendRecovery(journey, code.mobile);
      if (!signIn) return journey.reply.redirect(journey.at, 303);
      const sent = await accounts.requestSecondFactor({ ...identity(journey), accountId: signIn.accountId });
      if (!sent.ok) return refused(journey, 'otp', sent);
      kickOutbox();
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
      const attempt = { ...identity(journey), challenge: flow.code.challenge, code: otp };
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
          : await accounts.signInWithSms(attempt);
      if (tried.ok) return goOn(needs, journey, { ...flow, signIn: tried.signIn, code: undefined });
      if (tried.reason === 'identity-needed')
        return goOn(needs, journey, { ...flow, identityProof: tried.proof, code: undefined });
      return refused(journey, 'otp', tried);
    },
    'signInPerAddress',
  );
  post(
    'identity',
    ['identity'],
    async (journey) => {
      const tried = await accounts.signInWithIdNumber({
        ...identity(journey),
        proof: journey.flow.identityProof ?? '',
        idNumber: field(journey.request, 'id_number', 64) ?? '',
      });
      if (!tried.ok) return refused(journey, 'id_number', tried);
      return goOn(needs, journey, { ...journey.flow, signIn: tried.signIn, identityProof: undefined });
    },
    'signInPerAddress',
  );
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
      const done = await accounts.finishRegistration({ ...identity(journey), draft: flow.draft ?? '', realName });
      if (!done.ok) return refused(journey, blamed(done), done, typed);
      return goOn(needs, journey, { ...flow, draft: undefined, code: undefined, signIn: done.signIn, proved: true });
    },
    'realNamePerAddress',
  );
  post('later', ['register-real-name'], async (journey) => {
    const done = await accounts.finishRegistration({ ...identity(journey), draft: journey.flow.draft ?? '' });
    if (!done.ok) return refused(journey, 'id_number', done);
    return goOn(needs, journey, {
      ...journey.flow,
      draft: undefined,
      code: undefined,
      signIn: done.signIn,
      declined: true,
    });
  });
  post('decline', ['real-name', 'second-factor', 'code', 'second-password'], (journey) =>
    goOn(needs, journey, { ...journey.flow, code: undefined, declined: true }),
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

  const answer = async (journey: Journey, result: InteractionResults, forget?: string): Promise<FastifyReply> =>
    leave(needs, journey, await interactions.finish(journey.request.raw, journey.reply.raw, result, forget));

  post('roaming', ['roaming'], async (journey) => {
    const { request, interaction, session, client } = journey;
    const decision = field(request, 'decision', 16);
    if (decision === 'continue') {
      if (field(request, 'skip_notice', 8) && client && session)
        await consents.setNotice(session.accountId, client.clientId, true, client.itemsVersion);
      return answer(journey, { roaming_notice: {} });
    }
    if (session) await endSession(session, 'person');
    if (decision === 'switch') return answer(journey, {}, interaction.uid);
    return answer(journey, { error: 'access_denied', error_description: 'the person signed out' }, interaction.uid);
  });
  post('consent', ['consent'], async (journey) => {
    const { request, interaction, client } = journey;
    if (field(request, 'decision', 16) !== 'agree')
      return answer(journey, { error: 'access_denied', error_description: 'the person did not agree' });
    const ticked = fields(request, 'grant', 32);
    const items = itemsOf(journey).filter((item) => item.scope !== 'openid');
    const given = (item: (typeof items)[number]): boolean =>
      item.group === 'told' || ticked.includes(item.group === 'asked' ? 'asked' : item.scope);
    const accountId = interaction.session?.accountId;
    if (!accountId || !client) return journey.reply.redirect(journey.at, 303);
    await consents.give({
      accountId,
      clientId: client.clientId,
      granted: items.filter(given).map((item) => item.scope),
      declined: items.filter((item) => !given(item)).map((item) => item.scope),
      itemsVersion: client.itemsVersion,
      language: desk.context(request, { uiLocales: interaction.params.ui_locales }).lang,
    });
    return answer(journey, { consent: {} });
  });
}

const blamed = (refusal: Refusal): string => (refusal.reason === 'not-a-name' ? 'full_name' : 'id_number');
