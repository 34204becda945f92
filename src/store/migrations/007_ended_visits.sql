-- The stay of a session at one department ends by a record of its own: `digest of the session\nclient`.
alter table endings drop constraint endings_kind_check;
alter table endings add constraint endings_kind_check check (kind in ('account', 'session', 'consent', 'visit'));
