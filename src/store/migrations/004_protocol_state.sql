-- Protocol state where no Redis is configured: one table, one function a step, the same rules as the Redis scripts
-- (src/provider/adapter-redis.ts). Logged with commit on: a crash forgets nothing that was answered, so no epoch is
-- needed here. Times are milliseconds since the epoch of this server's clock plus the caller's offset (0 outside tests).
create table protocol_state (
  key text primary key,
  payload text not null,
  expires_at bigint not null,
  consumed_at bigint not null default 0,
  spent_for text,
  version integer not null default 0,
  links jsonb not null default '{}'
);
create index protocol_state_expires on protocol_state (expires_at);

create table protocol_events (
  id bigint generated always as identity primary key,
  bucket text not null,
  stamp text not null
);

create function protocol_now(shift bigint) returns bigint language sql volatile as
$$ select (extract(epoch from clock_timestamp()) * 1000)::bigint + shift $$;

create function protocol_load(wanted text, client text, shift bigint)
  returns table (part text, payload text, expires_at bigint, consumed_at bigint, version integer)
  language plpgsql stable as $$
declare
  moment bigint := protocol_now(shift);
  bucket text := left(wanted, 2);
  links jsonb;
begin
  select s.links into links from protocol_state s where s.key = wanted and s.expires_at > moment;
  if not found then return; end if;
  return query select p.part, s.payload, s.expires_at, s.consumed_at, s.version
    from (values ('entry', wanted),
                 ('grant', bucket || ':g:' || coalesce(links ->> 'g', links ->> ('g:' || client))),
                 ('session', bucket || ':s:' || (links ->> 's'))) as p(part, key)
    join protocol_state s on s.key = p.key and s.expires_at > moment;
end $$;

create function protocol_commit(batch jsonb, shift bigint, bound integer) returns jsonb language plpgsql as $$
declare
  moment bigint;
  found_row protocol_state%rowtype;
  spend jsonb := batch -> 'spend';
  repeated boolean := false;
  item jsonb;
  standing integer;
begin
  perform pg_advisory_xact_lock(hashtextextended(batch ->> 'lock', 7));
  moment := protocol_now(shift);
  if jsonb_array_length(coalesce(batch -> 'events', '[]')) > 0 and (select count(*) from (select from protocol_events
      where bucket = left(batch ->> 'lock', 2) limit bound) b) >= bound then
    return '{"why":"full"}';
  end if;
  if batch ? 'need' then
    -- locked, so that a batch under another lock cannot remove them between this look and the writing
    select count(*) into standing from (select from protocol_state s
      where s.key in (select jsonb_array_elements_text(batch -> 'need')) and s.expires_at > moment and s.consumed_at = 0
      order by s.key for update) found;
    if standing < (select count(distinct n) from jsonb_array_elements_text(batch -> 'need') as n) then
      return '{"why":"gone"}';
    end if;
  end if;
  if batch ? 'absent' then
    -- an insert decides, so that two batches under different locks cannot both find it absent; what it inserts has
    -- expired long ago, so that nothing is marked when the batch is refused further down
    insert into protocol_state as s (key, payload, expires_at) values (batch ->> 'absent', '', 0)
      on conflict (key) do update set expires_at = 0 where s.expires_at <= moment;
    if not found then return '{"why":"present"}'; end if;
  end if;
  if batch ? 'compare' then
    select * into found_row from protocol_state s
      where s.key = batch -> 'compare' ->> 'key' and s.expires_at > moment for update;
    if not found then return '{"why":"gone"}'; end if;
    if found_row.version <> (batch -> 'compare' ->> 'version')::integer then
      return jsonb_build_object('why', 'conflict', 'payload', found_row.payload, 'expiresAt', found_row.expires_at,
        'consumedAt', found_row.consumed_at, 'version', found_row.version);
    end if;
  end if;
  if spend is not null then
    select * into found_row from protocol_state s where s.key = spend ->> 'key' and s.expires_at > moment for update;
    if not found then return '{"why":"gone"}'; end if;
    if found_row.consumed_at = 0 then
      update protocol_state set consumed_at = moment, spent_for = spend ->> 'for' where key = spend ->> 'key';
    elsif spend ? 'window' and moment - found_row.consumed_at <= (spend ->> 'window')::bigint
      and exists (select from protocol_state s where s.key = spend ->> 'successor' and s.consumed_at = 0 and s.expires_at > moment) then
      repeated := true;
    else
      return '{"why":"spent"}';
    end if;
  end if;
  for item in select * from jsonb_array_elements(coalesce(batch -> 'put', '[]')) loop
    continue when repeated and coalesce((item ->> 'once')::boolean, false);
    insert into protocol_state (key, payload, expires_at, version, links)
      values (item ->> 'key', item ->> 'payload', (item ->> 'expiresAt')::bigint,
              coalesce((item ->> 'version')::integer, 0), coalesce(item -> 'links', '{}'))
      on conflict (key) do update set payload = excluded.payload, expires_at = excluded.expires_at, consumed_at = 0,
        spent_for = null, version = excluded.version, links = excluded.links;
  end loop;
  delete from protocol_state where key in (select jsonb_array_elements_text(coalesce(batch -> 'remove', '[]')));
  insert into protocol_events (bucket, stamp)
    select left(batch ->> 'lock', 2), e from jsonb_array_elements_text(coalesce(batch -> 'events', '[]')) as e;
  return jsonb_build_object('repeated', repeated);
end $$;

create function protocol_guess(wanted text, mac text, guess text, lim integer, shift bigint) returns jsonb language plpgsql as $$
declare
  moment bigint;
  code protocol_state%rowtype;
  tries integer;
  answer jsonb;
begin
  perform pg_advisory_xact_lock(hashtextextended(wanted, 7));
  moment := protocol_now(shift);
  select * into code from protocol_state s where s.key = wanted and s.expires_at > moment for update;
  if not found then return '{"outcome":"dead"}'; end if;
  answer := code.links -> ('a:' || guess);
  if answer is not null then return answer; end if;
  tries := coalesce((code.links ->> 'tries')::integer, 0);
  if code.consumed_at <> 0 or tries >= lim then return '{"outcome":"dead"}'; end if;
  if code.links ->> 'mac' = mac then
    answer := jsonb_build_object('outcome', 'right', 'subject', code.payload);
    update protocol_state set consumed_at = moment, links = links || jsonb_build_object('a:' || guess, answer)
      where key = wanted;
  else
    answer := jsonb_build_object('outcome', 'wrong', 'triesLeft', lim - tries - 1);
    update protocol_state set links = links || jsonb_build_object('tries', tries + 1, 'a:' || guess, answer)
      where key = wanted;
  end if;
  return answer;
end $$;

create function protocol_count(wanted text, span bigint, lim integer, shift bigint) returns jsonb language plpgsql as $$
declare
  moment bigint;
  used integer;
  until bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended(wanted, 7));
  moment := protocol_now(shift);
  select s.version, s.expires_at into used, until from protocol_state s where s.key = wanted and s.expires_at > moment;
  if not found then used := 0; until := moment + span; end if;
  if used >= lim then return jsonb_build_object('allowed', false, 'used', used, 'resetAt', until); end if;
  insert into protocol_state (key, payload, expires_at, version) values (wanted, '', until, used + 1)
    on conflict (key) do update set expires_at = excluded.expires_at, version = excluded.version;
  return jsonb_build_object('allowed', true, 'used', used + 1, 'resetAt', until);
end $$;
