-- Append-only: the last correction of a row wins, the others stay visible.
create table relearn.corrections (
  seq bigint generated always as identity unique,
  id text primary key, -- hash of request id, operator and redacted completion: the same said twice is one row
  request_id text not null,
  model text not null,
  completion text not null,
  operator text not null,
  source text not null,
  verified boolean not null default true,
  equals_response boolean not null,
  created_at timestamptz not null default now()
);
create index corrections_request on relearn.corrections (request_id, seq desc);
create index corrections_model on relearn.corrections (model, seq);

create view relearn.current_corrections as
  select distinct on (request_id) * from relearn.corrections where verified order by request_id, seq desc;

-- deployment_drift_detected, and what came of it.
create table relearn.incidents (
  id text primary key,
  model text not null,
  model_version text not null,
  monitor text not null,
  event_id text, -- an outside detector's own id of what it saw
  detected_at timestamptz not null,
  window_start timestamptz not null,
  collecting_until timestamptz, -- null while rows are still kept as post_drift
  state text not null default 'open'
    check (state in ('open', 'collecting', 'retraining', 'grace', 'resolved', 'closed')),
  reason text,
  figures jsonb not null default '{}',
  detections int not null default 1,
  closed_at timestamptz,
  unique (model, event_id)
);
create unique index incidents_one_open on relearn.incidents (model) where state not in ('resolved', 'closed');

-- One look of one monitor.
create table relearn.monitor_verdicts (
  id bigint generated always as identity primary key,
  model text not null,
  model_version text not null,
  monitor text not null,
  at timestamptz not null default now(),
  state text not null check (state in ('clean', 'drift', 'unknown', 'down')),
  figures jsonb not null default '{}'
);
create index monitor_verdicts_last on relearn.monitor_verdicts (model, monitor, at desc);

create table relearn.monitor_references (
  model text not null,
  model_version text not null,
  monitor text not null,
  figures jsonb not null,
  taken_at timestamptz not null default now(),
  primary key (model, model_version, monitor)
);

create table relearn.gold_runs (
  id text primary key,
  model text not null,
  model_version text not null,
  purpose text not null check (purpose in ('baseline', 'probe')),
  state text not null check (state in ('ok', 'down')),
  gold_sha256 text not null,
  cases int not null,
  passed int not null,
  failed_cases jsonb not null default '[]',
  at timestamptz not null default now()
);
create index gold_runs_model on relearn.gold_runs (model, model_version, at desc);

create table relearn.clusters (
  model text not null,
  key text not null,
  state text not null default 'growing',
  rows int not null default 0,
  corrected int not null default 0,
  last_triggered_seq bigint not null default 0, -- corrections up to here have had their retrain
  updated_at timestamptz not null default now(),
  primary key (model, key)
);
