-- What three rooms need: every key of the gateway, the audit trail, the outbox.
-- Times are written from the gateway's clock argument, never by now().

-- One table for every kind of key (src/keys). Private parts are sealed under the key-encryption key, with kind, kid,
-- algorithm and epoch as associated data: a row moved elsewhere does not open.
create table keys (
  kid text primary key,
  kind text not null,
  algorithm text not null,
  state text not null check (state in ('next', 'current', 'retiring', 'retired', 'revoked')),
  -- the epoch of the set in which the key was made
  epoch bigint not null,
  -- what may be published, null for symmetric keys
  public jsonb,
  sealed bytea not null,
  -- the key-encryption key it is sealed under (two overlap while keys are re-wrapped)
  kek text not null,
  created_at timestamptz not null,
  published_at timestamptz,
  -- no earlier than this may it sign: every cache of the set before it has ended
  ripe_at timestamptz,
  activated_at timestamptz,
  -- no earlier than this may it leave what is published: everything it signed has ended
  retire_at timestamptz,
  ended_at timestamptz
);
create unique index keys_current on keys (kind, algorithm) where state = 'current';
create unique index keys_next on keys (kind, algorithm) where state = 'next';

-- The set as a whole: its number rises with every change (what processes poll), and its seal is a digest over every
-- row, sealed under the key-encryption key: a row that is missing, added, or in another state is found.
create table key_set (
  single boolean primary key default true check (single),
  epoch bigint not null,
  seal bytea not null,
  kek text not null,
  changed_at timestamptz not null
);

-- Events are written here in the transaction of the act; one node at a time moves them to the chain (src/audit).
-- `event` is canonical JSON, the very bytes that carry the MAC; columns beside it are generated from it, so that they
-- can never say something else.
create table audit_inbox (
  arrived bigint generated always as identity primary key,
  event text not null,
  mac bytea not null,
  event_id uuid not null unique generated always as (((event::jsonb) ->> 'id')::uuid) stored
);

create table audit_log (
  number bigint primary key,
  event text not null,
  mac bytea not null,
  -- SHA-256 over the hash before, the number, the MAC and the event
  hash bytea not null,
  event_id uuid not null unique generated always as (((event::jsonb) ->> 'id')::uuid) stored,
  process uuid not null generated always as (((event::jsonb) ->> 'process')::uuid) stored,
  process_number bigint not null generated always as (((event::jsonb) ->> 'number')::bigint) stored,
  type text not null generated always as ((event::jsonb) ->> 'type') stored,
  at timestamptz not null generated always as (to_timestamp(((event::jsonb) ->> 'at')::float8 / 1000)) stored
);
create index audit_log_process on audit_log (process, process_number);

-- Where the chain ends, under a MAC: a cut tail is found.
create table audit_head (
  single boolean primary key default true check (single),
  number bigint not null,
  hash bytea not null,
  key text not null,
  mac bytea not null
);

-- What did not carry a good MAC is kept as found, never chained and never thrown away.
create table audit_rejected (
  id bigint generated always as identity primary key,
  event text not null,
  mac bytea,
  found_at timestamptz not null
);

-- Messages to the outside, written with the act that causes them, delivered by any node (src/outbox).
create table outbox (
  id uuid primary key,
  kind text not null,
  -- a client id; null where the address is personal (then only inside `sealed`)
  target text,
  -- address and body; erased once there is nothing left to send
  sealed bytea,
  state text not null check (state in ('waiting', 'delivered', 'dead')),
  tries integer not null default 0,
  created_at timestamptz not null,
  next_attempt_at timestamptz not null,
  lease_until timestamptz,
  expires_at timestamptz not null,
  idempotency_key text,
  answered_at timestamptz,
  -- a class of error ('timeout', 'http-503'), never a text of the other side
  last_error text,
  unique (kind, idempotency_key)
);
create index outbox_waiting on outbox (next_attempt_at) where state = 'waiting';
create index outbox_answered on outbox (answered_at) where state <> 'waiting';
