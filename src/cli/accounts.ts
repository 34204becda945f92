import { text } from 'node:stream/consumers';
import { type AccountShown, isAccountId, parseLoginId } from '../accounts/accounts.ts';
import { EgretError } from '../errors.ts';
import { columns, time } from './print.ts';
import { byCommandLine, type Call, type Verb } from './verb.ts';

/** Words of the audit trail; nothing that somebody typed. */
const reasons = ['request', 'incident', 'abuse', 'deceased', 'mistake'] as const;

const reason = {
  args: ['ACCOUNT'],
  options: { reason: { type: 'string', default: 'request' } },
  shown: '[--reason WORD]',
} as const;

export const verbs: Readonly<Record<string, Verb>> = {
  show: {
    about:
      'Accounts by account id, mobile or ID number, masked; the look-up is audited. `-` reads it from standard input, out of the process list.',
    args: ['WHO'],
    example: 'echo 15400000117 | egret accounts show -',
    reads: true,
    async run(call) {
      const wanted = call.args[0] === '-' ? (await text(process.stdin)).trim() : (call.args[0] ?? '');
      const { clock, inside } = await call.rooms();
      const way = isAccountId(wanted) ? 'account' : parseLoginId(wanted, clock.now())?.kind;
      // never what was typed: it may be a number with a slip in it
      if (!way) throw new EgretError('EG-1902', { log: 'WHO is an account id, a mobile, or an ID number' });
      const found = await (await inside()).accounts.findAccounts(wanted);
      await looked(call, way, found);
      if (found.length > 0) return { data: found, lines: table(found) };
      return { data: found, lines: [], aside: ['EG-1904  There is no such account.'], ok: false };
    },
  },
  disable: {
    ...reason,
    example: 'egret accounts disable 0b9f5e8e-6f3c-4f39-9a53-3f3f5f6f7a01 --reason abuse',
    about: `Closes an account and ends its sign-ins. WORD: ${reasons.join(', ')}.`,
    run: (call) => change(call, 'disable', 'is disabled, its sign-ins are ended', 'is disabled already'),
  },
  enable: {
    ...reason,
    example: 'egret accounts enable 0b9f5e8e-6f3c-4f39-9a53-3f3f5f6f7a01',
    about: 'Opens a disabled account again.',
    run: (call) => change(call, 'enable', 'is active', 'is active already'),
  },
  'end-sessions': {
    ...reason,
    example: 'egret accounts end-sessions 0b9f5e8e-6f3c-4f39-9a53-3f3f5f6f7a01 --reason incident',
    about: 'Ends every sign-in of an account that began until now.',
    run: (call) => change(call, 'endAllSignIns', 'has no sign-in any more', 'has none'),
  },
};

/** Who looked, how, and whom they saw: written before it is printed. */
async function looked(call: Call, way: string, found: readonly AccountShown[]): Promise<void> {
  const { database, inside } = await call.rooms();
  const { audit, keys, operator } = await inside();
  const common = { type: 'account.looked-up', actor: operator, detail: { by: byCommandLine, way } } as const;
  await database.begin(async (tx) => {
    for (const { id } of found)
      await audit.record(tx, { ...common, outcome: 'success', subject: keys.vault.mac('audit-ref', id) });
    if (found.length === 0) await audit.record(tx, { ...common, outcome: 'refused', code: 'EG-1904' });
  });
}

async function change(call: Call, what: 'disable' | 'enable' | 'endAllSignIns', done: string, already: string) {
  const [id = ''] = call.args;
  const word = String(call.values.reason);
  if (!(reasons as readonly string[]).includes(word))
    throw new EgretError('EG-1902', { log: `--reason is one of ${reasons.join(', ')}` });
  if (!isAccountId(id))
    throw new EgretError('EG-1902', { log: 'ACCOUNT is an account id; `egret accounts show` finds it' });
  const { accounts, operator } = await (await call.rooms()).inside();
  if (await accounts[what](id, { actor: operator, reason: word })) return { lines: [`${id} ${done}`] };
  if ((await accounts.findAccounts(id)).length === 0)
    throw new EgretError('EG-1904', { log: 'There is no such account.' });
  throw new EgretError('EG-1909', { log: `${id} ${already}: nothing was changed.` });
}

function table(found: readonly AccountShown[]): string[] {
  return columns(
    ['account', 'state', 'level', 'name', 'ID number', 'mobile', 'password', 'made'],
    found.map((one) => [
      one.id,
      one.state,
      one.level,
      one.name,
      one.idNumber,
      one.mobile && (one.mobileIsLogin ? one.mobile : `${one.mobile} (no login)`),
      one.hasPassword ? 'yes' : 'no',
      time(one.createdAt),
    ]),
    '',
  );
}
