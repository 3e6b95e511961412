create table relearn.models (
  name text primary key,
  created_at timestamptz not null default now()
);

create table relearn.retrain_runs (
  model text not null references relearn.models,
  n int not null,
  key text not null unique, -- the retrain workflow's own name of this run: asking twice gives the same n
  triggers jsonb not null,
  cutoff_seq bigint not null, -- corrections up to here: a step that runs twice sees the same ones
  state text not null default 'running',
  reason text,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (model, n)
);

create table relearn.datasets (
  id text primary key, -- sha-256 of what its files hold
  model text not null references relearn.models,
  path text not null,
  rows int not null,
  manifest jsonb not null,
  created_at timestamptz not null default now()
);
create table relearn.dataset_rows (
  dataset text not null references relearn.datasets on delete cascade,
  request_id text not null,
  correction_id text not null,
  split text not null check (split in ('train', 'held_out')),
  incident text not null default '',
  primary key (dataset, request_id)
);
create index dataset_rows_request on relearn.dataset_rows (request_id);

create table relearn.versions (
  model text not null references relearn.models,
  version text not null,
  n int not null,
  kind text not null check (kind in ('onnx', 'upstream')),
  artifact text, -- sha-256 of the file in the artifact store; null for an upstream
  dataset text references relearn.datasets,
  parent text,
  run int,
  low_confidence_below double precision,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (model, version),
  unique (model, n),
  unique (model, run)
);

create table relearn.eval_runs (
  id text primary key,
  model text not null,
  version text not null,
  run int,
  pack_sha256 text not null,
  cases int not null,
  passed int not null,
  results jsonb not null, -- [{"case","slice","passed"}], no text
  at timestamptz not null default now()
);

create table relearn.certificates (
  id text primary key,
  model text not null,
  version text not null,
  kind text not null check (kind in ('incumbent', 'first', 'gated')),
  passed boolean not null,
  content jsonb not null,
  issued_at timestamptz not null default now(),
  foreign key (model, version) references relearn.versions (model, version)
);
create index certificates_version on relearn.certificates (model, version);

-- Who serves now. token grows with every change: a promotion names the token it has seen and fails when it is stale.
create table relearn.aliases (
  model text not null references relearn.models,
  alias text not null check (alias in ('champion', 'challenger')),
  version text not null,
  token bigint not null default 1,
  changed_at timestamptz not null default now(),
  primary key (model, alias),
  foreign key (model, version) references relearn.versions (model, version)
);

create table relearn.deployments (
  id bigint generated always as identity primary key,
  model text not null,
  version text not null,
  previous text,
  action text not null check (action in ('deploy', 'promote', 'rollback')),
  key text unique, -- a step that runs twice deploys once
  certificate text references relearn.certificates,
  actor text not null,
  reason text,
  at timestamptz not null default now()
);
create index deployments_model on relearn.deployments (model, id desc);

create table relearn.erasures (
  user_id_hash text primary key,
  requested_at timestamptz not null default now(),
  finished_at timestamptz,
  receipt jsonb
);

create table relearn.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  model text,
  subject text,
  details jsonb not null default '{}'
);
create index audit_model on relearn.audit (model, id desc);
