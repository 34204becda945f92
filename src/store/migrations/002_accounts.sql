-- People (src/accounts). Names, numbers and mobiles are sealed with the row as context and found by keyed blind index;
-- nothing here says in the clear who a row is. Times are written from the gateway's clock, never by now().
create table accounts (
  id uuid primary key,
  state text not null check (state in ('active', 'disabled')),
  -- The proved mobile. Two people may share one; it is the login name of at most one of them (the index below).
  mobile_index bytea,
  mobile bytea,
  mobile_is_login boolean not null default false,
  mobile_proved_at timestamptz,
  -- when a mobile replaced another one, or joined late: SMS is no second factor for a day
  mobile_joined_at timestamptz,
  -- The verified identity, by its number alone: one person, one account, whatever kind of card was named.
  identity_index bytea,
  id_number bytea,
  card_type text,
  name bytea,
  real_name_level smallint not null default 0 check (real_name_level between 0 and 3),
  real_name_at timestamptz,
  -- Argon2id, as a PHC string
  password text,
  password_changed_at timestamptz,
  reset_by_sms_at timestamptz,
  -- which version of the terms was accepted, where the person registered here
  terms_version text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((mobile_index is null) = (mobile is null)),
  check (not mobile_is_login or mobile_index is not null),
  check ((identity_index is null) = (real_name_level = 0)),
  check ((identity_index is null) = (id_number is null) and (identity_index is null) = (name is null))
);
create unique index accounts_login_mobile on accounts (mobile_index) where mobile_is_login;
create index accounts_mobile on accounts (mobile_index);
create unique index accounts_identity on accounts (identity_index);

-- Who a person is at a province. One USER_ID is one account, and one account has one USER_ID a province.
create table province_links (
  province text not null,
  user_index bytea not null,
  account_id uuid not null references accounts (id),
  linked_at timestamptz not null,
  constraint province_links_user primary key (province, user_index),
  constraint province_links_account unique (province, account_id)
);

-- Browsers in which the account was signed in: part of every budget is kept for them, so that a stranger's attempts
-- cannot shut the person out. Keyed MAC of a random cookie; a handful an account, the oldest goes.
create table known_browsers (
  account_id uuid not null references accounts (id),
  browser bytea not null,
  seen_at timestamptz not null,
  primary key (account_id, browser)
);

-- Wrong passwords in a row, by a digest over the blind index of the login name (so that one exists for unknown names
-- too), one row for strangers and one for each known browser. Lapses a day after the last try.
create table password_tries (
  key bytea primary key,
  tries integer not null,
  pauses integer not null,
  paused_until timestamptz,
  lapses_at timestamptz not null
);
create index password_tries_lapsed on password_tries (lapses_at);

-- Bounded budgets (messages, guesses, real-name checks, answers about identity): when each use of the last span was.
-- `strange` are those of browsers that the account does not know. Never longer than the budget itself.
create table budgets (
  key bytea primary key,
  uses timestamptz[] not null,
  strange timestamptz[] not null,
  lapses_at timestamptz not null
);
create index budgets_lapsed on budgets (lapses_at);

-- What a person must settle with someone at a desk. References only.
create table cases (
  number text primary key,
  kind text not null,
  state text not null check (state in ('open', 'closed')),
  refs jsonb not null,
  -- one open case for one matter
  matter bytea not null,
  opened_at timestamptz not null,
  closed_at timestamptz
);
create unique index cases_open_matter on cases (matter) where state = 'open';
create index cases_opened on cases (opened_at);

-- Every sign-in of this account that began before `at` is over (password reset, account disabled, ended by staff).
-- `xid` lets a reader go on where it stopped without missing what commits late.
create table account_endings (
  id uuid primary key,
  account_id uuid not null references accounts (id),
  at timestamptz not null,
  reason text not null,
  xid xid8 not null default pg_current_xact_id()
);
create index account_endings_at on account_endings (at);
create index account_endings_xid on account_endings (xid);
