import { allAcrValues } from '../policy/policy.ts';
import { claims } from './claims.ts';

export const paths = {
  authorization: '/authorize',
  token: '/token',
  userinfo: '/userinfo',
  introspection: '/introspect',
  revocation: '/revoke',
  jwks: '/jwks',
  end_session: '/session/end',
} as const;

/**
 * OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2, one document for both. It lists what is on and nothing
 * else; test/provider/discovery.test.ts holds it against what the endpoints really take.
 */
export function discoveryDocument(issuer: string): object {
  const at = (path: string): string => issuer + path;
  return {
    issuer,
    authorization_endpoint: at(paths.authorization),
    token_endpoint: at(paths.token),
    userinfo_endpoint: at(paths.userinfo),
    introspection_endpoint: at(paths.introspection),
    revocation_endpoint: at(paths.revocation),
    end_session_endpoint: at(paths.end_session),
    jwks_uri: at(paths.jwks),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'none'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ES512'],
    introspection_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'none'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'profile', 'phone', 'realname', 'identity'],
    claims_supported: [...new Set([...Object.values(claims).flat(), 'iss', 'aud', 'exp', 'iat', 'nonce'])],
    acr_values_supported: allAcrValues,
    prompt_values_supported: ['none', 'login', 'consent'],
    ui_locales_supported: ['zh-CN', 'en'],
    authorization_response_iss_parameter_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  };
}
