-- What sign-ins there are, for the account centre and for ending them; and what was ended, which every process holds
-- in memory and refuses (DESIGN rule 2). A session's row names it by the digest of its uid, which opens nothing.
create table sessions (
  digest text primary key,
  account_id uuid not null,
  bucket text not null,
  device text not null,
  methods text[] not null,
  started_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  ended_by text
);
create index sessions_account on sessions (account_id, expires_at) where ended_at is null;

create table endings (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('account', 'session', 'consent')),
  ref bytea not null,
  at timestamptz not null,
  until timestamptz not null
);
create index endings_until on endings (until);
