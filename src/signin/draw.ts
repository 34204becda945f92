import type { FastifyReply } from 'fastify';
import type { Problem } from '../web/parts.view.ts';
import { drawConsent, drawRoaming } from './consent/consent.ts';
import { finish } from './finish.ts';
import { contextOf, type Journey } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import { waitingView } from './real-name/province.view.ts';
import { realNameView } from './real-name/real-name.view.ts';
import { realNameResultView } from './real-name/real-name-result.view.ts';
import { newPasswordView, recoveredView, recoverIdentityView, recoverMobileView } from './recovery/recover.view.ts';
import { mobileInUseView, registerMethodView, registerMobileView } from './registration/register.view.ts';
import type { Typed } from './steps.ts';
import { codeView } from './ways/code.view.ts';
import { passwordView, pausedView } from './ways/password.view.ts';
import { secondFactorView, secondPasswordView } from './ways/second-factor.view.ts';
import { identityView, smsView } from './ways/sms.view.ts';
import type { SignInLinks } from './ways/ways-in.ts';

/** Draws the step the dispatcher chose; after a refusal with its problems and the status of the first. */
export async function draw(
  needs: SigninNeeds,
  journey: Journey,
  problems: readonly Problem[] = [],
  typed: Typed = {},
): Promise<FastifyReply> {
  const { reply, at, department, flow, interaction } = journey;
  const context = contextOf(needs, journey);
  const show = (page: string): FastifyReply => needs.desk.html(reply, page, problems.length > 0 ? 422 : 200);
  const common = { department, problems };
  // a way that leads nowhere now is not offered
  const province = needs.bridge.status().up ? { province: `${at}/province` } : {};
  const links: SignInLinks = {
    password: `${at}?way=password`,
    sms: `${at}?way=sms`,
    ...province,
    register: `${at}?way=register`,
    recover: `${at}?way=recover`,
  };
  const { code } = flow;
  const claims = async () => flow.signIn && (await needs.accounts.accountForClaims(flow.signIn.accountId));
  switch (journey.step) {
    case 'password':
      return show(
        passwordView(
          { ...common, action: `${at}/password`, loginId: typed.loginId ?? interaction.params.login_hint, links },
          context,
        ),
      );
    case 'paused':
      return show(pausedView({ until: flow.pausedUntil ?? 0, department, links }, context));
    case 'sms':
      return show(smsView({ ...common, action: `${at}/mobile`, mobile: typed.mobile, links }, context));
    case 'code':
      if (!code) break;
      return show(
        codeView(
          {
            ...common,
            action: `${at}/code`,
            purpose: code.purpose,
            mobileMasked: code.mobileMasked,
            expiresAt: code.expiresAt,
            resend: { action: `${at}/resend`, ...(code.resendAt > context.now ? { at: code.resendAt } : {}) },
            ...(code.purpose === 'second-factor'
              ? { decline: { action: `${at}/decline` } }
              : {
                  ...(code.purpose === 'sign-in'
                    ? { shared: flow.shared ? 'said' : { href: `${at}?shared=yes` } }
                    : {}),
                  change: `${at}?way=${{ register: 'register', recover: 'recover', 'sign-in': 'sms' }[code.purpose]}`,
                }),
          },
          context,
        ),
      );
    case 'identity':
      return show(identityView({ ...common, action: `${at}/identity`, links }, context));
    case 'register-mobile':
      return show(
        registerMobileView(
          {
            problems,
            action: `${at}/register`,
            mobile: typed.mobile,
            agreed: typed.agreed,
            links: { signIn: `${at}?way=${journey.first}`, ...province },
          },
          context,
        ),
      );
    case 'mobile-in-use':
      return show(
        mobileInUseView(
          { mobileMasked: code?.mobileMasked ?? '', signIn: `${at}?way=sms`, another: { action: `${at}/another` } },
          context,
        ),
      );
    case 'method':
      return show(
        registerMethodView(
          { problems, action: `${at}/method`, ...(flow.another ? {} : { username: flow.login }) },
          context,
        ),
      );
    case 'register-real-name':
      return show(
        realNameView(
          {
            ...common,
            ...typed,
            action: `${at}/real-name`,
            reason: flow.another ? 'another' : 'registration',
            mobileMasked: code?.mobileMasked,
            ...(flow.another ? {} : { later: { action: `${at}/later` } }),
          },
          context,
        ),
      );
    case 'real-name':
      return show(
        realNameView(
          { ...common, ...typed, action: `${at}/real-name`, reason: 'department', later: { action: `${at}/decline` } },
          context,
        ),
      );
    case 'real-name-result': {
      const person = await claims();
      return show(
        realNameResultView(
          {
            level: person?.level ?? 1,
            checkedAt: person?.realNameAt ?? context.now,
            nameMasked: person?.nameMasked ?? '',
            idMasked: person?.idNumberMasked ?? '',
            mobileMasked: person?.mobileMasked,
            department,
            onward: `${at}?seen=result`,
          },
          context,
        ),
      );
    }
    case 'second-factor':
      return show(
        secondFactorView(
          {
            ...common,
            action: `${at}/resend`,
            mobileMasked: (await claims())?.mobileMasked ?? '',
            decline: { action: `${at}/decline` },
          },
          context,
        ),
      );
    case 'second-password':
      return show(
        secondPasswordView(
          {
            ...common,
            action: `${at}/second-password`,
            username: flow.login,
            decline: { action: `${at}/decline` },
            recover: `${at}?way=recover`,
          },
          context,
        ),
      );
    case 'recover-mobile':
      return show(
        recoverMobileView(
          { problems, action: `${at}/recover`, mobile: typed.mobile, signIn: `${at}?way=${journey.first}` },
          context,
        ),
      );
    case 'recover-identity': {
      const before = flow.identityRefused ? [{ field: 'id_number', ...flow.identityRefused }] : [];
      const now = problems.length > 0 ? problems : before;
      return show(recoverIdentityView({ ...typed, problems: now, action: `${at}/recover-identity` }, context));
    }
    case 'new-password':
      return show(newPasswordView({ problems, action: `${at}/new-password`, username: flow.login }, context));
    case 'recovered':
      return show(recoveredView({ onward: `${at}?seen=result` }, context));
    case 'roaming':
      return drawRoaming(needs, journey);
    case 'consent':
      return drawConsent(needs, journey);
    case 'waiting':
      return show(waitingView({ latest: at }, context));
    case 'finish':
      return finish(needs, journey);
  }
  return reply.redirect(at, 303);
}
