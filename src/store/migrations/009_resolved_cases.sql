-- What a case came to, and the keyed reference of who decided it: the audit trail names them the same way.
alter table cases add column outcome text;
alter table cases add column closed_by bytea;
