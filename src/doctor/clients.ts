import { problemsOf } from '../clients/clients.ts';
import type { Problem } from '../errors-problems.ts';

/** What production refuses of a client, as a file or the records have it; `mend` says where it is corrected. */
export function clientProblems(definition: unknown, mend: string): Problem[] {
  const fields = Object.entries(definition as object);
  const { client_id: id } = definition as { client_id?: unknown };
  // No definition has such a setting: whoever writes one wants to do without.
  const pkce = fields.filter(([name]) => /pkce/i.test(name)).map(([name]) => name);
  const found: Problem[] = pkce.map((name) => ({
    code: 'EG-1919',
    text: `${id}: ${name} would change that PKCE is demanded`,
    mend: `take ${name} out, PKCE with S256 is demanded of every client: ${mend}`,
  }));
  for (const text of problemsOf(definition, false)) {
    if (pkce.some((name) => text.includes(`/${name} `))) continue;
    if (/ must be https /.test(text)) found.push({ code: 'EG-1920', text, mend: `name an https address: ${mend}` });
    else found.push({ code: 'EG-1601', text, mend });
  }
  return found;
}
