import type { Test } from 'tap';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { shiftedClock } from '../../src/clock.ts';
import type { EgretError } from '../../src/errors.ts';
import { world } from '../cli/world.ts';

/**
 * The room over its own front door, with its real neighbours: a database, the keys, the audit trail. Other processes
 * are the command line, and a second instance with connections of its own.
 */
export const patience = 60_000;

export const bilingual = (text: string) => ({ zh: text, en: text });
export const item = {
  scope: 'openid',
  group: 'told',
  purpose: bilingual('why'),
  without: bilingual('what if not'),
  basis: bilingual('the law'),
};
/** A definition in which nothing is wrong. */
export const good = {
  client_id: 'zhujian',
  name: { zh: '市住建局', en: 'Housing Bureau' },
  department: { zh: '厦门市住房和建设局', en: 'Xiamen Housing and Construction Bureau', seal: '建' },
  kind: 'web',
  sector: 'zhujian.xm',
  auth: 'client_secret_basic',
  redirect_uris: ['https://zhujian.example/callback'],
  post_logout_redirect_uris: ['https://zhujian.example/signed-out'],
  backchannel_logout_uri: 'https://zhujian.example/backchannel-logout',
  home: 'https://zhujian.example/',
  sign_out: 'https://zhujian.example/sign-out',
  scopes: ['openid', 'profile'],
  grants: ['authorization_code', 'refresh_token'],
  session_minutes: 30,
  items: [item],
};
export const another = {
  ...good,
  client_id: 'jiaoyu',
  sector: 'jiaoyu.xm',
  auth: 'private_key_jwt',
  jwks_uri: 'https://jiaoyu.example/jwks.json',
};

export async function rooms(t: Test) {
  const own = await world(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const { db, vault, audit } = own;
  const open = (development: boolean, database = db as Parameters<typeof createClients>[0]['database']) =>
    createClients({ database, vault, audit, clock, development });
  const { sql } = db;
  return {
    ...own,
    open,
    clients: await open(true),
    move: (ms: number) => {
      offset += ms;
    },
    /** Everything that the room keeps, and what it told the audit trail. */
    async kept(): Promise<string> {
      const rows = await sql`
        select (select jsonb_agg(c order by client_id) from clients c) as clients,
          (select jsonb_agg(s order by hash) from client_secrets s) as secrets,
          (select version from clients_version) as version,
          (select count(*) from audit_inbox) as told`;
      return JSON.stringify(rows);
    },
    /** Of this room, oldest first. */
    async events(): Promise<Record<string, unknown>[]> {
      // what the command line wrote is chained at once
      const chained = await sql<{ event: string }[]>`select event from audit_log order by number`;
      const rows = [...chained, ...(await sql<{ event: string }[]>`select event from audit_inbox order by arrived`)];
      return rows.map(({ event }) => JSON.parse(event)).filter(({ type }) => type.startsWith('client.'));
    },
  };
}

/** What EG-1601 says of these. */
export async function refusal(clients: Clients, definitions: readonly unknown[]): Promise<string> {
  try {
    await clients.apply(definitions);
  } catch (error) {
    if ((error as EgretError).code === 'EG-1601') return (error as EgretError).message;
    throw error;
  }
  return 'it was taken';
}
