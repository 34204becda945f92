-- Departments' systems and what people agreed to give them.
create table clients (
  client_id text primary key,
  definition jsonb not null,
  state text not null default 'active' check (state in ('active', 'stopped')),
  updated_at timestamptz not null
);

-- Two may overlap while a department changes over; each rests as a keyed hash.
create table client_secrets (
  client_id text not null references clients,
  hash bytea not null,
  created_at timestamptz not null,
  primary key (client_id, hash)
);

-- One row: grows with every change, so that a process asks one number to know whether it is behind.
create table clients_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null
);
insert into clients_version (version) values (1);

create table consents (
  account_id uuid not null,
  client_id text not null,
  granted text[] not null,
  declined text[] not null,
  notice_off boolean not null default false,
  items_version text not null,
  given_at timestamptz not null,
  withdrawn_at timestamptz,
  primary key (account_id, client_id)
);

-- What was shown and answered, each time: kept when the consent is changed or withdrawn.
create table consent_receipts (
  id bigint generated always as identity primary key,
  account_id uuid not null,
  client_id text not null,
  act text not null check (act in ('given', 'withdrawn')),
  granted text[] not null,
  declined text[] not null,
  items_version text not null,
  language text not null,
  at timestamptz not null
);
create index consent_receipts_person on consent_receipts (account_id, id);
