import { text } from 'node:stream/consumers';
import type { AccountShown } from '../accounts/accounts.ts';
import { EgretError } from '../errors.ts';
import { columns, time } from './print.ts';
import type { Call, Verb } from './verb.ts';

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
      'Accounts by account id, mobile or ID number, masked. `-` reads it from standard input, out of the process list.',
    args: ['WHO'],
    reads: true,
    async run(call) {
      const { accounts } = await (await call.rooms()).inside();
      const wanted = call.args[0] === '-' ? (await text(process.stdin)).trim() : (call.args[0] ?? '');
      const found = await accounts.findAccounts(wanted);
      return { data: found, lines: table(found), ok: found.length > 0 };
    },
  },
  disable: {
    ...reason,
    about: `Closes an account and ends its sign-ins. WORD: ${reasons.join(', ')}.`,
    run: (call) =>
      change(
        call,
        'disable',
        'is disabled, its sign-ins are ended',
        'There is no such account, or it is disabled already.',
      ),
  },
  enable: {
    ...reason,
    about: 'Opens a disabled account again.',
    run: (call) => change(call, 'enable', 'is active', 'There is no such account, or it is active already.'),
  },
  'end-sessions': {
    ...reason,
    about: 'Ends every sign-in of an account that began until now.',
    run: (call) => change(call, 'endAllSignIns', 'has no sign-in any more', 'There is no such account.'),
  },
};

async function change(call: Call, what: 'disable' | 'enable' | 'endAllSignIns', done: string, not: string) {
  const [id = ''] = call.args;
  const word = String(call.values.reason);
  if (!(reasons as readonly string[]).includes(word))
    throw new EgretError('EG-1902', { log: `--reason is one of ${reasons.join(', ')}` });
  if (!/^[0-9a-f-]{36}$/i.test(id))
    throw new EgretError('EG-1902', { log: 'ACCOUNT is an account id; `egret accounts show` finds it' });
  const { accounts, operator } = await (await call.rooms()).inside();
  if (!(await accounts[what](id, { actor: operator, reason: word }))) throw new EgretError('EG-1904', { log: not });
  return { lines: [`${id} ${done}`] };
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
    'there is no such account',
  );
}
