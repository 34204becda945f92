-- Which Redis has each bucket of protocol state, by its replication id, as all processes agreed. Another one, or one that
-- does not say so itself, has lost writes: it begins the next epoch (DESIGN rule 2; src/store/epochs.ts).
create table store_epochs (
  bucket text primary key,
  server text not null,
  number integer not null,
  begun_at timestamptz not null
);
