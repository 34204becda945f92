-- Whoever reads endings goes on where it stopped and misses none that commits late, however long its transaction took.
alter table endings add column xid xid8 not null default pg_current_xact_id();
create index endings_xid on endings (xid);
