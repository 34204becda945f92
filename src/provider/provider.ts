/**
 * The OpenID Connect provider: authorization, tokens, userinfo, introspection, revocation, discovery and keys, mounted
 * on oidc-provider. It owns protocol state and what the wire says; it does not own people, consents, clients or keys,
 * which arrive as arguments. One instance serves one key epoch and one set of clients: `epochs.ts` builds the next and
 * swaps it in whole.
 * Routes: /authorize, /authorize/:uid, /token, /userinfo, /introspect, /revoke, /jwks, /.well-known/*; sign-out is logout.ts.
 */

export { missing, wanted } from './acr.ts';
export { noteStranger } from './attempts.ts';
export { type BrowserSession, type BrowserSessions, createBrowserSessions, type Visit } from './browser-session.ts';
export { paths } from './discovery.ts';
export { accountCenterClient, type Standing } from './grants.ts';
export type { Lifetimes, ProviderNeeds } from './instance.ts';
export { createInteractions, type Interaction, type Interactions } from './interaction.ts';
export { clientStopped, deliverLogout } from './logout.ts';
export { mountProvider, requestOf } from './mount.ts';
export { personalData } from './release.ts';
export { createEpochs, type Epochs } from './signing/epochs.ts';
export { databaseState } from './state/adapter-database.ts';
export { redisState } from './state/adapter-redis.ts';
export { drainEvents } from './state/drain.ts';
export { oneTimeCodes } from './state/one-time-codes.ts';
export { whileServing } from './state/serving.ts';
export { keyOf, type PendingEvent, type ProtocolState } from './state/state.ts';
export type { ActDetail, ProtocolAct } from './state/unit.ts';
