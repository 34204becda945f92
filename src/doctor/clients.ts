import { problemsOf } from '../clients/clients.ts';
import type { Problem } from '../errors-problems.ts';

/** What production refuses of a client, as a file or the records have it; `mend` says where it is corrected. */
export function clientProblems(definition: unknown, mend: string): Problem[] {
  const { client_id: id, ...rest } = definition as Record<string, unknown>;
  // No definition has such a setting: whoever writes one wants to do without.
  const pkce = Object.keys(rest).filter((name) => /pkce/i.test(name));
  const found: Problem[] = pkce.map((name) => ({
    code: 'EG-1919',
    text: `${id}: ${name} would change that PKCE is demanded`,
    mend: `take ${name} out, PKCE with S256 is demanded of every client: ${mend}`,
  }));
  const kept = Object.entries(definition as object).filter(([name]) => !pkce.includes(name));
  for (const text of problemsOf(pkce.length > 0 ? Object.fromEntries(kept) : definition, false)) {
    if (/ must be https /.test(text)) found.push({ code: 'EG-1920', text, mend: `name an https address: ${mend}` });
    else found.push({ code: 'EG-1601', text, mend });
  }
  return found;
}
