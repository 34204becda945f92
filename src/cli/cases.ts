import { type CaseFound, type CaseOutcome, caseOutcomes } from '../accounts/accounts.ts';
import { EgretError } from '../errors.ts';
import { count, oneOf } from './options.ts';
import { columns, fields, time } from './print.ts';
import { byCommandLine, type Call, type Verb } from './verb.ts';

/** What was tried, for who reads the case aloud. */
const about: Readonly<Record<string, string>> = {
  'identity-in-use': 'the three factors of a person were proved who has the first account; the second tried it',
  'province-conflict': 'a trust ticket: its USER_ID leads to one account, its identity to another',
};

export const verbs: Readonly<Record<string, Verb>> = {
  list: {
    about: 'Conflicts that somebody must look into, the newest first.',
    example: 'egret cases list --state open',
    options: { state: { type: 'string' }, limit: { type: 'string', default: '100' } },
    shown: '[--state open|closed] [--limit COUNT]',
    reads: true,
    async run({ values, rooms }) {
      const state = oneOf('--state', values.state, ['open', 'closed'] as const);
      const limit = count('--limit', values.limit);
      const { accounts } = await (await rooms()).inside();
      const found = await accounts.listCases({ state, limit });
      return {
        data: found,
        lines: columns(
          ['case', 'kind', 'state', 'opened', 'about'],
          found.map(({ number, kind, state, openedAt, refs }) => [
            number,
            kind,
            state,
            time(openedAt),
            Object.entries(refs)
              .map(([name, ref]) => `${name} ${ref}`)
              .join(', '),
          ]),
          'there are no cases',
        ),
      };
    },
  },
  show: {
    about: 'One case: its accounts, masked, and what it may be resolved as; the look-up is audited.',
    args: ['CASE'],
    example: 'egret cases show 7K4M-20Q9',
    reads: true,
    async run(call) {
      const { accounts } = await (await call.rooms()).inside();
      const found = await accounts.findCase(numberOf(call));
      await looked(call, found);
      if (!found) throw noCase();
      const { number, kind, state, openedAt, closedAt, outcome, closedBy, outcomes } = found;
      const { province } = found.refs;
      const head = {
        ...{ case: number, kind, what: about[kind], province, state, opened: time(openedAt) },
        ...(closedAt ? { closed: time(closedAt), as: outcome, by: closedBy } : {}),
        ...(outcomes.length > 0 ? { 'may be': outcomes.join(', ') } : {}),
      };
      return {
        data: found,
        lines: [...fields(head), ...columns(heads, found.accounts.map(line), 'no account is left')],
      };
    },
  },
  resolve: {
    about:
      'Closes a case, once. apart: accounts stay as they are; move-identity: the identity goes to the second account, which was proved at the counter; relink: contradicting links to the province go. The last two end the sign-ins concerned.',
    args: ['CASE'],
    options: { as: { type: 'string' }, by: { type: 'string' } },
    shown: `--as ${caseOutcomes.join('|')} --by OPERATOR`,
    example: 'egret cases resolve 7K4M-20Q9 --as apart --by w1024',
    async run(call) {
      const number = numberOf(call);
      const outcome = oneOf('--as', call.values.as, caseOutcomes);
      if (!outcome) throw new EgretError('EG-1902', { log: `--as is one of ${caseOutcomes.join(', ')}` });
      const by = String(call.values.by ?? '');
      if (!/^[A-Za-z0-9][\w.@-]{0,63}$/.test(by))
        throw new EgretError('EG-1902', { log: '--by is who decided: a number or name at work, up to 64 letters' });
      return await resolve(call, number, outcome, by);
    },
  },
};

async function resolve(call: Call, number: string, outcome: CaseOutcome, by: string) {
  const { database, inside } = await call.rooms();
  const { accounts, audit, keys, operator } = await inside();
  const actor = keys.vault.mac('audit-ref', `operator:${by}`);
  const resolved = await accounts.resolveCase(number, { outcome, actor, user: operator });
  if (resolved.ok) {
    const ended = resolved.ended.map((id) => `every sign-in of ${id} is ended`);
    return { lines: [`${number} is closed as ${outcome}`, ...ended] };
  }
  const { code } = resolved;
  const detail = { as: outcome, user: operator.toString('base64url') };
  const which = code === 'EG-1930' ? {} : { case: number };
  await database.begin((tx) =>
    audit.record(tx, { type: 'case.resolved', outcome: 'refused', actor, code, ...which, detail }),
  );
  if (code === 'EG-1930') throw noCase();
  if (code === 'EG-1931') throw new EgretError(code, { log: `${number} is closed already.` });
  throw new EgretError(code, {
    log: `${number} cannot be resolved as ${outcome}: \`egret cases show\` says what fits.`,
  });
}

const noCase = () => new EgretError('EG-1930', { log: 'There is no case of this number.' });

/** As it is read out over the telephone: O and I are the digits that they look like (Crockford). */
function numberOf({ args }: Call): string {
  const number = (args[0] ?? '').toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  if (/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/.test(number)) return number;
  throw new EgretError('EG-1902', { log: 'CASE is the number of a case, as in 7K4M-20Q9' });
}

/** Who looked, and whom they saw: written before it is printed. */
async function looked(call: Call, found: CaseFound | undefined): Promise<void> {
  const { database, inside } = await call.rooms();
  const { audit, keys, operator } = await inside();
  const common = { type: 'account.looked-up', actor: operator, detail: { by: byCommandLine, way: 'case' } } as const;
  await database.begin(async (tx) => {
    if (!found) return await audit.record(tx, { ...common, outcome: 'refused', code: 'EG-1930' });
    for (const { id } of found.accounts) {
      const subject = keys.vault.mac('audit-ref', id);
      await audit.record(tx, { ...common, outcome: 'success', case: found.number, subject });
    }
  });
}

const heads = ['role', 'account', 'state', 'level', 'name', 'ID number', 'mobile', 'proved', 'linked', 'made'];

const line = (one: CaseFound['accounts'][number]) => [
  ...[one.role, one.id, one.state, one.level, one.name, one.idNumber, one.mobile],
  ...[time(one.mobileProvedAt), time(one.linkedAt), time(one.createdAt)],
];
