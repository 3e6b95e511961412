alter table relearn.erasures add column requested_by text not null default 'unknown';

-- Requests of a user that is being erased: found once, before the rows that name the user are gone. Empty afterwards.
create table relearn.erasure_rows (
  user_id_hash text not null references relearn.erasures on delete cascade,
  request_id text not null,
  primary key (user_id_hash, request_id)
);

-- A dataset that held rows of an erased user is replaced by a revision without them; its files are deleted.
alter table relearn.datasets
  add column revised_by text references relearn.datasets,
  add column erased_at timestamptz;

-- A version that learned from rows that were erased later.
alter table relearn.versions add column tainted_at timestamptz;
