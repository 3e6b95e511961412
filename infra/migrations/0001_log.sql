-- What production asked and answered, redacted. Both tables hold the same row; samples is kept, recent is a ring.
create table relearn.samples (
  request_id text not null,
  ts timestamptz not null,
  model text not null,
  model_version text not null,
  prompt text not null,
  response text not null,
  latency_ms real not null,
  user_id_hash text,
  response_logprob double precision,
  kept_because text not null
    check (kept_because in ('low_confidence', 'flagged', 'drift_window', 'post_drift', 'healthy')),
  inclusion_probability double precision not null check (inclusion_probability > 0 and inclusion_probability <= 1),
  source text not null default 'production' check (source in ('production', 'probe', 'eval')),
  primary key (request_id, ts)
) partition by range (ts);
create index samples_model_ts on relearn.samples (model, ts);

create table relearn.recent (
  request_id text not null,
  ts timestamptz not null,
  model text not null,
  model_version text not null,
  prompt text not null,
  response text not null,
  latency_ms real not null,
  user_id_hash text,
  response_logprob double precision,
  inclusion_probability double precision not null,
  source text not null default 'production' check (source in ('production', 'probe', 'eval')),
  primary key (request_id, ts)
) partition by range (ts);
create index recent_model_ts on relearn.recent (model, ts);

-- Rows brought into samples, or held there, for a reason outside the request: they count once, whatever p was.
create table relearn.pins (
  request_id text not null,
  reason text not null,
  probability double precision not null default 1 check (probability > 0 and probability <= 1),
  pinned_at timestamptz not null default now(),
  primary key (request_id, reason)
);

-- Makes the partition that holds `at` ('samples' by day, 'recent' by hour, in UTC) and returns its name.
-- Many processes may call it at once.
create function relearn.ensure_partition(parent text, at timestamptz) returns text language plpgsql as $$
declare
  step interval := case parent when 'samples' then interval '1 day' when 'recent' then interval '1 hour' end;
  unit text := case parent when 'samples' then 'day' when 'recent' then 'hour' end;
  lower_bound timestamp := date_trunc(unit, at at time zone 'UTC');
  part text := parent || to_char(lower_bound, case parent when 'samples' then '_YYYYMMDD' else '_YYYYMMDDHH24' end);
begin
  if unit is null then raise exception 'no partitioned table %', parent; end if;
  if to_regclass('relearn.' || part) is not null then return part; end if;
  perform pg_advisory_xact_lock(hashtext('relearn.ensure_partition'));
  execute format('create table if not exists relearn.%I partition of relearn.%I for values from (%L) to (%L)',
    part, parent, lower_bound at time zone 'UTC', (lower_bound + step) at time zone 'UTC');
  return part;
end $$;

create table relearn.feedback (
  id uuid primary key,
  request_id text not null,
  model text not null,
  kind text not null check (kind in ('thumbs_up', 'thumbs_down', 'regenerate', 'report')),
  comment text,
  user_id_hash text,
  created_at timestamptz not null default now()
);
create index feedback_request on relearn.feedback (request_id);
create index feedback_model_time on relearn.feedback (model, created_at);

-- Opaque strings on rows. incident is '' for a tag that belongs to none.
create table relearn.tags (
  request_id text not null,
  tag text not null,
  incident text not null default '',
  model text not null,
  source text not null check (source in ('operator', 'drift', 'user')),
  actor text,
  created_at timestamptz not null default now(),
  primary key (request_id, tag, incident)
);
create index tags_incident on relearn.tags (incident) where incident <> '';
create index tags_model_tag on relearn.tags (model, tag, created_at);

create view relearn.weights as
  select s.request_id, s.ts, s.model, s.model_version, s.source,
    case when p.probability is not null then 1 / p.probability else 1 / s.inclusion_probability end as weight
  from relearn.samples s
  left join lateral (
    select max(probability) as probability from relearn.pins where pins.request_id = s.request_id
  ) p on true
  where s.source = 'production';

create view relearn.log as
  select s.request_id, s.ts, s.model_version, s.prompt, s.response, s.latency_ms, s.user_id_hash, s.response_logprob,
    array(select distinct t.tag from relearn.tags t where t.request_id = s.request_id order by t.tag) as tags
  from relearn.samples s;
