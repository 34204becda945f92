import type { CardType } from './identifiers.ts';
import type { Vault } from './needs.ts';

export type Level = 0 | 1 | 2 | 3;

/** A person's account, opened. It stays inside the gateway: what is shown of it is masked. */
export interface Account {
  readonly id: string;
  readonly state: 'active' | 'disabled';
  /** The proved mobile, national form. */
  readonly mobile?: string;
  /** Whether that mobile is this account's login name, not only where its codes go. */
  readonly mobileIsLogin: boolean;
  readonly mobileProvedAt?: number;
  readonly mobileJoinedAt?: number;
  readonly name?: string;
  readonly idNumber?: string;
  readonly cardType?: CardType;
  readonly level: Level;
  readonly realNameAt?: number;
  /** PHC string. */
  readonly password?: string;
  readonly passwordChangedAt?: number;
  readonly resetBySmsAt?: number;
  readonly termsVersion?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** As it rests: everything personal sealed, with the row as context. */
export interface AccountRow {
  id: string;
  state: 'active' | 'disabled';
  mobile_index: Buffer | null;
  mobile: Buffer | null;
  mobile_is_login: boolean;
  mobile_proved_at: Date | null;
  mobile_joined_at: Date | null;
  identity_index: Buffer | null;
  id_number: Buffer | null;
  card_type: string | null;
  name: Buffer | null;
  real_name_level: number;
  real_name_at: Date | null;
  password: string | null;
  password_changed_at: Date | null;
  reset_by_sms_at: Date | null;
  terms_version: string | null;
  created_at: Date;
  updated_at: Date;
}

const context = (field: 'mobile' | 'id-number' | 'name', id: string): string => `account.${field}:${id}`;
const date = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));

export function sealAccount(vault: Vault, account: Account): AccountRow {
  const { id, mobile, name, idNumber } = account;
  const seal = (value: string | undefined, field: 'mobile' | 'id-number' | 'name') =>
    value === undefined ? null : vault.seal(value, context(field, id));
  return {
    id,
    state: account.state,
    mobile_index: mobile === undefined ? null : vault.blindIndex('mobile', mobile),
    mobile: seal(mobile, 'mobile'),
    mobile_is_login: account.mobileIsLogin,
    mobile_proved_at: date(account.mobileProvedAt),
    mobile_joined_at: date(account.mobileJoinedAt),
    identity_index: idNumber === undefined ? null : vault.blindIndex('id-number', idNumber),
    id_number: seal(idNumber, 'id-number'),
    card_type: account.cardType ?? null,
    name: seal(name, 'name'),
    real_name_level: account.level,
    real_name_at: date(account.realNameAt),
    password: account.password ?? null,
    password_changed_at: date(account.passwordChangedAt),
    reset_by_sms_at: date(account.resetBySmsAt),
    terms_version: account.termsVersion ?? null,
    created_at: new Date(account.createdAt),
    updated_at: new Date(account.updatedAt),
  };
}

/** EG-1801 when a sealed field was changed, or moved here from another row. */
export function openAccount(vault: Vault, row: AccountRow): Account {
  const open = (sealed: Buffer | null, field: 'mobile' | 'id-number' | 'name') =>
    sealed ? vault.open(sealed, context(field, row.id)) : undefined;
  return {
    id: row.id,
    state: row.state,
    mobile: open(row.mobile, 'mobile'),
    mobileIsLogin: row.mobile_is_login,
    mobileProvedAt: row.mobile_proved_at?.getTime(),
    mobileJoinedAt: row.mobile_joined_at?.getTime(),
    name: open(row.name, 'name'),
    idNumber: open(row.id_number, 'id-number'),
    cardType: (row.card_type as CardType | null) ?? undefined,
    level: row.real_name_level as Level,
    realNameAt: row.real_name_at?.getTime(),
    password: row.password ?? undefined,
    passwordChangedAt: row.password_changed_at?.getTime(),
    resetBySmsAt: row.reset_by_sms_at?.getTime(),
    termsVersion: row.terms_version ?? undefined,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}
