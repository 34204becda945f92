import { interactionPolicy } from 'oidc-provider';
import { missing, wanted } from './acr.ts';
import { accountCenterClient, type Standing } from './grants.ts';

interface Needs {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Seconds. */
  readonly lifetimes: { readonly sessionIdle: number };
}

/** What may be asked before a code is issued, in order; the first that applies is the interaction (signin/). */
export function prompts(needs: Needs) {
  const { Check, Prompt, base } = interactionPolicy;
  const policy = base();
  const login = policy.get('login')!;
  // these compare acr by equality; ours is below, on two axes
  login.checks.remove('essential_acr');
  login.checks.remove('essential_acrs');
  login.checks.add(
    new Check('idle', 'the session was idle too long', 'login_required', ({ oidc }) => {
      const { accountId, egret } = oidc.session as { accountId?: string; egret?: { seen?: number } };
      const idle = needs.now() - (egret?.seen ?? 0) > needs.lifetimes.sessionIdle * 1000;
      return Boolean(accountId) && idle && !oidc.result?.login;
    }),
  );
  policy.add(
    new Prompt(
      { name: 'step_up' },
      new Check('acr', 'the level asked for is not reached', 'interaction_required', ({ oidc }) => {
        // prompt=none never leads anywhere: a voluntary level is then answered with the level reached
        if (oidc.prompts.has('none') || oidc.result?.step_up) return false;
        return missing((oidc.session as { acr?: string }).acr, wanted(oidc.params as never)) !== undefined;
      }),
    ),
    1,
  );
  policy.add(
    new Prompt(
      { name: 'roaming_notice' },
      new Check('notice', 'a first visit of this session', 'interaction_required', ({ oidc }) => {
        const session = oidc.session as unknown as {
          egret?: { consents?: Record<string, Standing>; noticed?: string[] };
        };
        const client = oidc.client!.clientId;
        if (client === accountCenterClient || oidc.prompts.has('none')) return false;
        if (oidc.result?.login || oidc.result?.roaming_notice || oidc.result?.step_up || oidc.result?.consent)
          return false;
        if (session.egret?.noticed?.includes(client)) return false;
        return session.egret?.consents?.[client]?.noticeOff !== true;
      }),
    ),
    2,
  );
  const consent = policy.get('consent')!;
  consent.checks.remove('native_client_prompt');
  return policy;
}
