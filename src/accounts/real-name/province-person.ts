import { randomUUID } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import { type Account, type Level, sealAccount } from '../account.ts';
import { openCase } from '../cases/cases.ts';
import type { ProvincePerson } from '../needs.ts';
import * as records from '../records.ts';
import { refuse } from '../refusals.ts';
import { browserMac, open, type Room, record, recordAlone, referenceTo, violated } from '../room.ts';
import type { SignedIn } from '../sign-in/outcome.ts';
import { assess } from '../strength.ts';
import { type Identity, identityColumns, readIdentity, recordLevel } from './real-name.ts';

/**
 * Sign-in with a trust ticket of the province. The person is found by (province, USER_ID) and by verified identity,
 * which must agree, and never by mobile: numbers change hands, and the account keyed to one makes a second person of
 * everyone who changes it. Nobody known: an account is made at the ticket's level. Strength 1, whatever stood behind it.
 */
export async function signInFromProvince(
  room: Room,
  request: { person: ProvincePerson; browser?: string },
): Promise<SignedIn> {
  const { person } = request;
  const level = Math.min(person.level, room.settings.ticketLevelCap, 3) as Level;
  const read = readIdentity(room, person);
  // no real name: its name and number may be empty. An organisation, or a card that is no citizen's here: another way.
  if (!(level >= 1) || person.userType === 'legal' || !read.ok) {
    const refusal = refuse(level >= 1 ? 'way-closed' : 'ticket-without-real-name');
    const detail = { province: room.province.name, reason: refusal.reason };
    await recordAlone(room, { type: 'sign-in.province', outcome: 'refused', code: refusal.code, detail });
    return refusal;
  }
  const browser = browserMac(room, request.browser);
  const userIndex = room.vault.blindIndex('province-user', `${room.province.name}\n${person.userId}`);
  // twice: a parallel ticket of the same person may have made the account or the link in between
  for (let turn = 0; ; turn++) {
    try {
      return await room.database.begin((tx) =>
        settle(room, tx, { identity: read.identity, level, userIndex, browser }),
      );
    } catch (error) {
      if (!violated(error) || turn === 2) throw error;
    }
  }
}

interface Ticket {
  readonly identity: Identity;
  readonly level: Level;
  readonly userIndex: Buffer;
  readonly browser: Buffer | undefined;
}

async function settle(room: Room, tx: TransactionSql, ticket: Ticket): Promise<SignedIn> {
  const { identity, userIndex } = ticket;
  const province = room.province.name;
  const ticketOf = { province, userIndex, identityIndex: identity.index, browser: ticket.browser };
  const found = await records.accountsOfTicket(tx, ticketOf);
  const linked = found.find((row) => row.by_user);
  const same = found.find((row) => row.by_identity);
  // USER_ID of another identity, or an identity that has another USER_ID
  const conflict = linked ? linked.id !== same?.id : same?.linked === true;
  if (conflict) return await refuseConflict(room, tx, ticket, { linked: linked?.id, same: same?.id });
  const id = same?.id ?? (await create(room, tx, ticket));
  const row = await records.accountById(tx, id, true);
  if (row?.state !== 'active') {
    const refusal = refuse('way-closed');
    const subject = referenceTo(room, id);
    await record(room, tx, {
      type: 'sign-in.province',
      outcome: 'refused',
      code: refusal.code,
      subject,
      detail: { province, reason: refusal.reason },
    });
    return refusal;
  }
  const now = room.clock.now();
  const at = new Date(now);
  const subject = referenceTo(room, id);
  if (!linked) {
    await records.linkProvinceUser(tx, province, userIndex, id, at);
    await record(room, tx, {
      type: 'province.linked',
      outcome: 'success',
      subject,
      detail: { province, level: ticket.level },
    });
  }
  const before = open(room, row);
  const level = Math.max(before.level, ticket.level) as Level;
  // names change by law, numbers do not: the province's is the one on the card
  if (level !== before.level || before.name !== identity.name)
    await records.updateAccount(tx, id, {
      ...identityColumns(room, id, identity),
      real_name_level: level,
      real_name_at: at,
      updated_at: at,
    });
  await recordLevel(room, tx, id, { from: before.level, to: level, way: 'ticket' });
  if (ticket.browser) await records.rememberBrowser(tx, id, ticket.browser, at, room.settings.knownBrowsers);
  const signIn = assess({ ...before, level, name: identity.name }, ['ticket'], now, room.settings.smsHold);
  const detail = { browser: same?.known ? 'known' : 'new', strength: signIn.strength, level, province };
  await record(room, tx, { type: 'sign-in.province', outcome: 'success', subject, detail });
  return { ok: true, signIn };
}

/** The ticket's mobile is not taken over: nobody proved it here, and it is not needed. */
async function create(room: Room, tx: TransactionSql, { identity, level }: Ticket): Promise<string> {
  const now = room.clock.now();
  const account: Account = {
    id: randomUUID(),
    state: 'active',
    mobileIsLogin: false,
    name: identity.name,
    idNumber: identity.idNumber,
    cardType: identity.cardType,
    level,
    realNameAt: now,
    createdAt: now,
    updatedAt: now,
  };
  await records.insertAccount(tx, sealAccount(room.vault, account));
  const subject = referenceTo(room, account.id);
  await record(room, tx, { type: 'account.registered', outcome: 'success', subject, detail: { way: 'ticket', level } });
  return account.id;
}

async function refuseConflict(
  room: Room,
  tx: TransactionSql,
  ticket: Ticket,
  found: { linked?: string; same?: string },
): Promise<SignedIn> {
  const province = room.province.name;
  const refs = {
    province,
    ...(found.linked ? { userIdOf: found.linked } : {}),
    ...(found.same ? { identityOf: found.same } : {}),
  };
  const number = await openCase(room, tx, {
    kind: 'province-conflict',
    refs,
    matter: [ticket.userIndex, ticket.identity.index],
  });
  const refusal = refuse('province-conflict', { case: number });
  const { code, reason } = refusal;
  const whom = found.linked ?? found.same;
  const subject = whom ? { subject: referenceTo(room, whom) } : {};
  await record(room, tx, {
    type: 'province.conflict',
    outcome: 'refused',
    code,
    case: number,
    ...subject,
    detail: { province, reason },
  });
  return refusal;
}
