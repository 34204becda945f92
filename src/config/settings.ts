/**
 * Every setting, once: its type, bounds, unit, default and meaning. The file is checked against it, the documentation
 * is made from it. Names are as they stand in the file (snake_case).
 */
import Type, { type TSchema } from 'typebox';
import { redisUrlForms } from './redis-address.ts';
import { type About, cap, count, group, type Setting, seconds, text, texts, whole } from './setting.ts';

const hour = 3_600;
const day = 24 * hour;
const inMilliseconds = 1_000;

export const settings = group({
  mode: Type.Enum(['development', 'production'], {
    default: 'development',
    env: 'EGRET_MODE',
    description: 'production refuses an unsafe start: docs/operate.md has what, and the mend is said with it',
  } satisfies About),
  base_port: whole(1_024, 65_000, {
    default: 4_000,
    unit: 'port',
    env: 'EGRET_BASE_PORT',
    description: 'The first port of this checkout; all others are counted from it, so that two checkouts run at once',
  }),
  issuer: text({
    shown: 'http://localhost:<base_port>',
    env: 'EGRET_ISSUER',
    description: 'The public address of the gateway, an origin without a slash at its end. It never changes again',
  }),
  listen: group({
    hosts: texts({ default: ['127.0.0.1', '::1'], description: 'Addresses the public listener listens on' }),
    port: whole(1, 65_535, {
      shown: '<base_port>',
      unit: 'port',
      description: 'Port of the public listener',
    }),
    grace: whole(0, 60, {
      shown: '5 in production, otherwise 0',
      unit: 'seconds',
      times: inMilliseconds,
      description:
        'How long it takes new connections after SIGTERM, when /readyz already says no: so long as a balancer looks away',
    }),
  }),
  admin: group({
    host: Type.Enum(['127.0.0.1', '::1'], {
      default: '127.0.0.1',
      description: 'Address of the listener for health, readiness and metrics: the machine itself only',
    } satisfies About),
    port: whole(1, 65_535, { shown: '<base_port> + 1', unit: 'port', description: 'Its port' }),
  }),
  data_folder: text({
    default: '.data',
    env: 'EGRET_DATA',
    description: 'Folder of the embedded database and of the demo; relative to the project',
  }),
  key_file: text({
    default: 'keys/key-encryption.key',
    env: 'EGRET_KEY_FILE',
    description: 'File of the key-encryption key (32 bytes, base64url, mode 0600); relative to the project',
  }),
  clients_folder: text({
    default: 'config/clients',
    env: 'EGRET_CLIENTS',
    description: 'Folder of the definitions of clients, one YAML file each; relative to the project',
  }),
  database: group({
    url: text({
      shown: 'the embedded PostgreSQL of the data folder',
      env: 'EGRET_DATABASE_URL',
      secret: true,
      description: 'PostgreSQL 15 or newer: postgres://user:password@host:port/database',
    }),
    pool_size: count(1, 200, 10, 'Connections of one process to PostgreSQL'),
  }),
  redis: group({
    url: text({
      shown: 'none: protocol state is in PostgreSQL',
      env: 'EGRET_REDIS_URL',
      secret: true,
      description: `Redis for protocol state: ${redisUrlForms}`,
    }),
  }),
  trusted_proxies: texts({
    default: [],
    description: 'Addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-* headers count',
  }),
  lifetimes: group({
    code: seconds(5, 60, 60, 'An authorization code'),
    access_token: seconds(30, hour, 600, 'An access token of a person'),
    id_token: seconds(30, hour, 600, 'An ID token'),
    client_credentials: seconds(30, hour, 600, 'An access token of a system (client credentials)'),
    interaction: seconds(60, day, 1_800, 'A begun sign-in, from its first page to its last'),
    session_idle: seconds(60, day, 1_800, 'A session without a visit, until the login prompt asks again'),
    session_absolute: seconds(300, 7 * day, 12 * hour, 'A session, its refresh tokens and what else it carries'),
    refresh_window: seconds(
      0,
      60,
      10,
      'After its rotation, a refresh token repeated by a client that lost the answer gets the same successor',
    ),
    without_records: seconds(
      2,
      900,
      900,
      'While no process reaches PostgreSQL, who is signed in roams on, with Redis; after it nobody is served',
    ),
    jwks_max_age: seconds(
      60,
      day,
      600,
      'How long others may cache our public keys; a new key is published that long before it signs',
    ),
  }),
  limits: group({
    sign_in_per_address: cap(60, 600, 'Tries to sign in', 20),
    codes_per_address: cap(20, hour, 'SMS codes asked for', 6),
    registrations_per_address: cap(20, hour, 'Registrations begun', 2),
    real_name_per_address: cap(20, hour, 'Real-name checks', 6),
    interactions_per_address: cap(300, 60, 'Sign-ins begun at /authorize without a session', 30),
  }),
  accounts: group({
    password_tries: count(2, 20, 5, 'Wrong passwords before the password way of an account pauses'),
    first_pause: seconds(1, day - 1, 600, 'The first pause; each further one is twice as long', inMilliseconds),
    longest_pause: seconds(1, day - 1, 12 * hour, 'The longest pause', inMilliseconds),
    messages_a_day: count(1, 100, 10, 'SMS codes a day a mobile'),
    messages_kept: count(0, 99, 3, 'Of these, kept for browsers the account knows'),
    resend_after: seconds(1, hour, 60, 'Between two SMS codes to one mobile', inMilliseconds),
    code_life: seconds(60, hour, 600, 'An SMS code; it dies after five tries in any case', inMilliseconds),
    guesses_an_hour: count(1, 30, 30, 'Guesses of SMS codes an hour a mobile, over all codes'),
    guesses_kept: count(0, 29, 10, 'Of these, kept for browsers the account knows'),
    identity_answers_a_day: count(1, 100, 5, 'Answers about name and number after a right code, a day a mobile'),
    checks_a_day_account: count(1, 100, 3, 'Real-name checks a day an account'),
    checks_a_day_number: count(1, 100, 5, 'Real-name checks a day an ID number'),
    checks_kept: count(0, 99, 1, 'Of these, kept for a person signed in, or in a known browser'),
    mobile_trust: seconds(
      day,
      3_650 * day,
      90 * day,
      'How long a proved mobile stays proved on a new browser',
      inMilliseconds,
    ),
    sms_hold: seconds(
      0,
      30 * day,
      day,
      'How long SMS is no second factor after a reset by SMS, or to a mobile that has just joined',
      inMilliseconds,
    ),
    known_browsers: count(1, 100, 20, 'Browsers an account knows'),
    argon2: group({
      memory_cost: whole(8_192, 1_048_576, {
        default: 19_456,
        unit: 'KiB',
        description: 'Memory of Argon2id; a stored hash rises to it at the next sign-in',
      }),
      time_cost: count(1, 20, 2, 'Passes of Argon2id'),
      parallelism: count(1, 16, 1, 'Lanes of Argon2id'),
    }),
    hashes_waiting: count(1, 10_000, 64, 'Passwords that may wait to be hashed; one more is told that we are busy'),
  }),
  province: group({
    url: text({ shown: 'http://127.0.0.1:<base_port + 100>', description: 'The origin of the province (省统一认证)' }),
    caller_code: text({ default: 'EGRET', description: 'Our caller code there' }),
    platform_keys_file: text({
      shown: '<data_folder>/province/platform-public.json',
      description: "The platform's public keys, as handed over; relative to the project",
    }),
  }),
  clock_offset: whole(-10 * 365 * day * 1_000, 10 * 365 * day * 1_000, {
    default: 0,
    unit: 'milliseconds',
    env: 'EGRET_TEST_CLOCK_OFFSET',
    description: 'How far the clock is moved, for tests; development only',
  }),
  log_level: Type.Enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
    default: 'info',
    env: 'EGRET_LOG',
    description: 'The least that is logged',
  } satisfies About),
});

type Node = TSchema & { properties?: Record<string, Node>; type?: string } & Partial<About>;

/** Every setting, in the order of the table. */
export function allSettings(node: Node = settings as Node, path: readonly string[] = []): Setting[] {
  if (node.properties)
    return Object.entries(node.properties).flatMap(([name, inner]) => allSettings(inner, [...path, name]));
  return [
    {
      ...(node as unknown as Omit<Setting, 'path' | 'schema' | 'numeric'>),
      path,
      schema: node,
      numeric: node.type === 'integer',
    },
  ];
}
