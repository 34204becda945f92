import type { TransactionSql } from 'postgres';
import { type AccountShown, type Case, caseShown, shown } from '../administration.ts';
import { identityColumns } from '../real-name/real-name.ts';
import * as records from '../records.ts';
import { endSignIns } from '../recovery.ts';
import { open, type Room, record, referenceTo } from '../room.ts';
import { matterOf } from './cases.ts';

/** What someone at a desk may decide, after they saw the person and the card. */
export const caseOutcomes = [
  /** Every account stays as it is: two people, or an attempt that was a mistake. */
  'apart',
  /** `identity-in-use`: the verified identity goes from the first account to the one that proved it again. */
  'move-identity',
  /** `province-conflict`: links that contradict each other go; the person's next trust ticket links anew. */
  'relink',
] as const;
export type CaseOutcome = (typeof caseOutcomes)[number];

/** An account of a case, by what it is in it: `first`, `second`, `userIdOf`, `identityOf`. */
export interface CaseAccount extends AccountShown {
  readonly role: string;
  /** Since when the province's USER_ID leads here; epoch ms. */
  readonly linkedAt?: number;
}

export interface CaseFound extends Case {
  /** Masked. */
  readonly accounts: readonly CaseAccount[];
  /** What it may be resolved as, now; none of a closed case. */
  readonly outcomes: readonly CaseOutcome[];
}

export type Resolved =
  | { readonly ok: true; readonly ended: readonly string[] }
  | { readonly ok: false; readonly code: 'EG-1930' | 'EG-1931' | 'EG-1932' };

export interface CaseAct {
  readonly outcome: CaseOutcome;
  /** Who decided, and who typed it, as the audit trail names them: `vault.mac('audit-ref', …)`. */
  readonly actor: Buffer;
  readonly user: Buffer;
}

/** What may happen to a case, and to whose accounts. */
interface Matter {
  readonly row: records.CaseRow;
  readonly accounts: readonly { role: string; row: Awaited<ReturnType<typeof records.accountById>> & object }[];
  readonly links: readonly records.LinkRow[];
}

const roles = ['first', 'second', 'userIdOf', 'identityOf'];

/** One order of locks: the case, then its accounts by id. */
async function look(run: records.Run, number: string, lock: boolean): Promise<Matter | undefined> {
  const row = await records.caseByNumber(run, number, lock);
  if (!row) return undefined;
  const named = roles.flatMap((role) => (row.refs[role] ? [{ role, id: row.refs[role] }] : []));
  const accounts: Matter['accounts'][number][] = [];
  for (const { role, id } of named.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const account = await records.accountById(run, id, lock);
    if (account) accounts.push({ role, row: account });
  }
  accounts.sort((one, other) => roles.indexOf(one.role) - roles.indexOf(other.role));
  const { province } = row.refs;
  const ids = accounts.map((account) => account.row.id);
  return { row, accounts, links: province ? await records.provinceLinks(run, province, ids) : [] };
}

/** What fits the accounts as they are now, not as they were when the case was opened. */
function fitting({ row, accounts, links }: Matter): CaseOutcome[] {
  if (row.state === 'closed') return [];
  const of = (role: string) => accounts.find((account) => account.role === role)?.row;
  const [first, second] = [of('first'), of('second')];
  // what was proved was this person, with this mobile: a number that changed since is another proof, and another case
  const proved =
    first?.identity_index && second?.mobile_index
      ? matterOf('identity-in-use', [first.identity_index, second.mobile_index]).equals(row.matter)
      : false;
  const movable = row.kind === 'identity-in-use' && proved && second?.state === 'active' && !second.identity_index;
  const relinkable = row.kind === 'province-conflict' && links.length > 0;
  return ['apart', ...(movable ? (['move-identity'] as const) : []), ...(relinkable ? (['relink'] as const) : [])];
}

/** A case with its accounts, masked; undefined when there is none of this number. */
export async function findCase(room: Room, number: string): Promise<CaseFound | undefined> {
  const matter = await look(room.database.sql, number, false);
  if (!matter) return undefined;
  const accounts = matter.accounts.map(({ role, row }): CaseAccount => {
    const linked = matter.links.find((link) => link.account_id === row.id);
    return { role, ...shown(open(room, row)), ...(linked ? { linkedAt: linked.linked_at.getTime() } : {}) };
  });
  return { ...caseShown(matter.row), accounts, outcomes: fitting(matter) };
}

/**
 * Resolves a case, in one transaction with its events: of two at once, one does, the other finds it closed. Where an
 * identity or a link moves, every sign-in of the accounts concerned ends, and their mobiles are told.
 * EG-1930 no such case, EG-1931 it is closed, EG-1932 the outcome does not fit its kind, or the accounts as they are now.
 */
export async function resolveCase(room: Room, number: string, { outcome, actor, user }: CaseAct): Promise<Resolved> {
  const resolved = await room.database.begin(async (tx): Promise<Resolved> => {
    const matter = await look(tx, number, true);
    if (!matter) return { ok: false, code: 'EG-1930' };
    const { row } = matter;
    if (row.state === 'closed') return { ok: false, code: 'EG-1931' };
    if (!fitting(matter).includes(outcome)) return { ok: false, code: 'EG-1932' };
    const at = new Date(room.clock.now());
    await records.closeCase(tx, { number, outcome, closed_at: at, closed_by: actor });
    const act = { actor, case: number, outcome: 'success' } as const;
    await record(room, tx, {
      ...act,
      type: 'case.resolved',
      detail: { kind: row.kind, as: outcome, user: user.toString('base64url') },
    });
    if (outcome === 'apart') return { ok: true, ended: [] };
    const ended =
      outcome === 'move-identity' ? await moveIdentity(room, tx, matter, act) : await dropLinks(room, tx, matter, act);
    for (const id of ended) {
      await endSignIns(room, tx, id, at.getTime(), 'case');
      const detail = { by: 'staff', scope: 'all', reason: 'case' };
      await record(room, tx, { ...act, type: 'session.ended', subject: referenceTo(room, id), detail });
      await tell(room, tx, matter, id);
    }
    return { ok: true, ended };
  });
  if (resolved.ok) room.outbox.kick();
  return resolved;
}

type Act = { readonly actor: Buffer; readonly case: string; readonly outcome: 'success' };

/** The level is what the second account proved itself, the three factors: a higher one comes with the next ticket. */
async function moveIdentity(room: Room, tx: TransactionSql, { accounts }: Matter, act: Act): Promise<string[]> {
  const [first, second] = ['first', 'second'].map((role) => accounts.find((one) => one.role === role)?.row);
  if (!first?.identity_index || !second) throw new Error('an identity to move, and a place for it');
  const { name = '', idNumber = '', cardType = '111' } = open(room, first);
  const at = new Date(room.clock.now());
  const none = { identity_index: null, id_number: null, name: null, card_type: null, real_name_level: 0 };
  await records.updateAccount(tx, first.id, { ...none, real_name_at: null, updated_at: at });
  await records.updateAccount(tx, second.id, {
    ...identityColumns(room, second.id, { name, idNumber, cardType, index: first.identity_index }),
    real_name_level: 1,
    real_name_at: at,
    updated_at: at,
  });
  // who comes with this person's ticket comes to where the identity is
  await records.moveProvinceLinks(tx, first.id, second.id);
  for (const { row, to } of [
    { row: first, to: 0 },
    { row: second, to: 1 },
  ])
    await record(room, tx, {
      ...act,
      type: 'real-name.level',
      subject: referenceTo(room, row.id),
      detail: { from: row.real_name_level, to, way: 'case' },
    });
  return [first.id, second.id];
}

async function dropLinks(room: Room, tx: TransactionSql, { row, links }: Matter, act: Act): Promise<string[]> {
  const { province = '' } = row.refs;
  const ids = links.map((link) => link.account_id);
  await records.dropProvinceLinks(tx, province, ids);
  for (const id of ids)
    await record(room, tx, { ...act, type: 'province.unlinked', subject: referenceTo(room, id), detail: { province } });
  return ids;
}

const texts: Readonly<Record<string, string>> = {
  first: '经窗口核实，你的白鹭通行证上的实名信息已转到另一个账号，所有设备都已退出。如果有疑问，请拨打 12345。',
  second: '经窗口核实，实名信息已记到你的白鹭通行证，请重新登录。如果不是你本人操作，请拨打 12345。',
  userIdOf: '经窗口核实，你的白鹭通行证与省账号的关联已取消，所有设备都已退出。如果有疑问，请拨打 12345。',
};

async function tell(room: Room, tx: TransactionSql, { accounts }: Matter, id: string): Promise<void> {
  const account = accounts.find(({ row }) => row.id === id);
  const { mobile } = account ? open(room, account.row) : {};
  if (!account || !mobile) return;
  const text = texts[account.role] ?? texts.userIdOf;
  const body = { template: 'notice', params: { text } };
  await room.outbox.enqueue(tx, {
    kind: 'sms',
    to: mobile,
    body,
    expiresAt: room.clock.now() + room.settings.smsHold,
  });
}
