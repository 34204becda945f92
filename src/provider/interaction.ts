import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type InteractionResults } from 'oidc-provider';
import type { Vault } from '../keys/keys.ts';
import type { Standing } from './grants.ts';
import { newUid } from './overrides.ts';
import type { Epochs } from './signing/epochs.ts';
import { keyOf, type ProtocolState } from './state/state.ts';

/** What the provider waits for: who is it, which level, may this be given. The pages are signin's. */
export interface Interaction {
  readonly uid: string;
  readonly prompt: 'login' | 'step_up' | 'roaming_notice' | 'consent';
  readonly reasons: readonly string[];
  readonly clientId: string;
  readonly params: Readonly<Record<string, string | undefined>>;
  /** The signed-in person behind this browser when the interaction began. */
  readonly session?: {
    readonly accountId: string;
    readonly uid: string;
    readonly acr?: string;
    readonly amr?: readonly string[];
  };
  /** Epoch seconds. */
  readonly exp: number;
}

/** What a finished sign-in lays into the session, so that later roams ask no records. */
export interface SignedIn {
  readonly accountId: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly uid: string;
  readonly consents: Readonly<Record<string, Standing>>;
  readonly person: { readonly maskedName: string };
}

export interface Interactions {
  /** The interaction of this browser at this address, or undefined: expired, finished, or another browser's. */
  open(req: IncomingMessage, res: ServerResponse): Promise<Interaction | undefined>;
  /** Writes the result, once; answers where the browser goes on. Undefined when it was finished or expired meanwhile. */
  finish(
    req: IncomingMessage,
    res: ServerResponse,
    result: InteractionResults,
    /** The interaction that goes on without the session it began with: that one was ended, or is another person's. */
    forget?: string,
    /** The token of the browser that came to this result: no other resumes it. */
    browser?: string,
  ): Promise<string | undefined>;
  /** What this browser has come to; undefined when it was another browser that came to it. */
  loadFlow(uid: string, browser: string): Promise<{ version: number; flow: unknown } | undefined>;
  /** Compare-and-set, bound to the browser: false when another request of the same interaction was faster. */
  saveFlow(
    interaction: Pick<Interaction, 'uid' | 'exp'>,
    version: number,
    flow: unknown,
    browser: string,
  ): Promise<boolean>;
  /** A uid for a session that a sign-in is about to begin. */
  newSessionUid(): string;
}

const digest = (browser: string): string => hash('sha256', browser, 'base64url');

export function createInteractions(epochs: Epochs, state: ProtocolState, vault: Vault): Interactions {
  const found = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof errors.SessionNotFound || (error as { why?: string }).why === 'gone') return undefined;
      throw error;
    }
  };
  const context = (uid: string): string => `flow:${keyOf('Flow', uid)}`;
  return {
    open: (req, res) =>
      found(async () => {
        const details = await epochs.current().provider.interactionDetails(req, res);
        const params = details.params as Record<string, string | undefined>;
        return {
          uid: details.uid,
          prompt: details.prompt.name as Interaction['prompt'],
          reasons: details.prompt.reasons,
          clientId: params.client_id ?? '',
          params,
          ...(details.session ? { session: details.session } : {}),
          exp: details.exp,
        };
      }),
    finish: (req, res, outcome, forget, browser) =>
      found(async () => {
        const { provider } = epochs.current();
        const result = browser === undefined ? outcome : { ...outcome, browser: digest(browser) };
        if (forget === undefined) return provider.interactionResult(req, res, result);
        const interaction = await provider.Interaction.find(forget);
        if (!interaction) return undefined;
        interaction.session = undefined;
        interaction.result = result;
        await interaction.persist();
        return interaction.returnTo;
      }),
    async loadFlow(uid, browser) {
      const loaded = await state.load(keyOf('Flow', uid));
      if (!loaded) return { version: 0, flow: undefined };
      const held = JSON.parse(vault.open(Buffer.from(loaded.entry.payload, 'base64'), context(uid)));
      return held.browser === digest(browser) ? { version: loaded.entry.version, flow: held.flow } : undefined;
    },
    async saveFlow({ uid, exp }, version, flow, browser) {
      const key = keyOf('Flow', uid);
      const held = JSON.stringify({ browser: digest(browser), flow });
      const payload = vault.seal(held, context(uid)).toString('base64');
      const put = { key, payload, expiresAt: exp * 1000, version: version + 1, single: true };
      const committed = await state.commit(
        version === 0 ? { lock: key, absent: key, put: [put] } : { lock: key, compare: { key, version }, put: [put] },
      );
      return committed.ok;
    },
    newSessionUid: newUid,
  };
}
