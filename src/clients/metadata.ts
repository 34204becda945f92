import type { ClientRecord } from './department.ts';

/** A record as oidc-provider wants it. What is not named here is off for every client. */
export function toMetadata(record: ClientRecord): Record<string, unknown> {
  const code = record.grants.includes('authorization_code');
  return {
    client_id: record.clientId,
    client_name: record.name.en,
    application_type: 'web',
    subject_type: 'pairwise',
    sector: record.sector,
    session_minutes: record.session_minutes,
    items_version: record.itemsVersion,
    token_endpoint_auth_method: record.auth,
    id_token_signed_response_alg: 'ES256',
    grant_types: record.grants,
    response_types: code ? ['code'] : [],
    redirect_uris: record.redirect_uris,
    post_logout_redirect_uris: record.post_logout_redirect_uris ?? [],
    ...(record.scopes.length > 0 ? { scope: record.scopes.join(' ') } : {}),
    ...(record.jwks_uri ? { jwks_uri: record.jwks_uri } : {}),
    ...(record.jwks ? { jwks: record.jwks } : {}),
    ...(record.backchannel_logout_uri
      ? { backchannel_logout_uri: record.backchannel_logout_uri, backchannel_logout_session_required: true }
      : {}),
    // the library demands a secret of such a client and never compares it: overrides.ts compares the keyed hashes
    ...(record.auth === 'client_secret_basic'
      ? { client_secret: 'rests-as-a-keyed-hash', secret_hashes: record.secretHashes }
      : {}),
  };
}
