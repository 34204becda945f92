-- Whoever ends all sessions of a person knows no departments: any node tells them, and marks here that it did.
alter table sessions add column told_at timestamptz;
update sessions set told_at = ended_at where ended_at is not null;
create index sessions_untold on sessions (ended_at) where ended_at is not null and told_at is null;
