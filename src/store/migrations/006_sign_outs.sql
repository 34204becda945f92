-- What a sign-out told whom, for the page that shows how it went: named by a random id, read again on every reload.
create table sign_outs (
  id text primary key,
  session text not null,
  -- false: only one department, the session went on
  everything boolean not null,
  -- by department: client, message (of the outbox, or null where it takes no notices), latestEnd (epoch ms)
  rows jsonb not null,
  -- where the department asked to go on to: client and address, or null
  onward jsonb,
  at timestamptz not null,
  expires_at timestamptz not null
);
create index sign_outs_expires on sign_outs (expires_at);
