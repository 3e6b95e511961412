-- Rules tag rows, too. Not checked against old rows: the new words include the old ones.
alter table relearn.tags drop constraint tags_source_check,
  add constraint tags_source_check check (source in ('operator', 'drift', 'user', 'rule')) not valid;

-- A tag that was taken off a row, as it stood, and who took it off. With relearn.tags the whole history of tags.
create table relearn.tag_removals (
  id bigint generated always as identity primary key,
  request_id text not null,
  tag text not null,
  incident text not null,
  model text not null,
  source text not null,
  actor text,
  added_at timestamptz not null,
  removed_by text not null,
  reason text,
  removed_at timestamptz not null default now()
);
create index tag_removals_request on relearn.tag_removals (request_id, tag);

-- How far a rule of tags.rules has been applied; named by the hash of all it says, so a changed rule begins anew.
create table relearn.tag_rules (
  model text not null,
  rule text not null,
  applied_until timestamptz not null,
  primary key (model, rule)
);

alter table relearn.corrections
  add column recorded_by text, -- name of the API key it came with; null without keys
  add column restated_at timestamptz; -- said again after the operator had said something else: seq moved then

alter table relearn.incidents
  add column last_detected_at timestamptz; -- of the detections that joined; null while there was one only
create index audit_subject on relearn.audit (subject, id desc);
