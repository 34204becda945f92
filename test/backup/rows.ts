import type { Database } from '../../src/store/database.ts';

/** A digest of every row of each table that a running gateway leaves alone; the rest is told by what it does. */
export async function digests({ sql }: Database): Promise<Record<string, string>> {
  const tables = [
    ...['accounts', 'province_links', 'known_browsers', 'password_tries', 'budgets', 'cases', 'clients'],
    ...['client_secrets', 'clients_version', 'consents', 'consent_receipts', 'keys', 'key_set', 'outbox', 'sign_outs'],
  ];
  const found: Record<string, string> = {};
  for (const name of tables) {
    const [row] =
      await sql`select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' order by t::text)), '-') as all
      from ${sql(name)} t`;
    found[name] = row?.all;
  }
  return found;
}
