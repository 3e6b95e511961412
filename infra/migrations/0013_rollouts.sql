-- The part of a model's traffic that its challenger answers while it is rolled out; the champion answers the rest.
alter table relearn.aliases
  add column share double precision not null default 1 check (share between 0 and 1);

create table relearn.rollouts (
  model text not null,
  run int not null,
  version text not null,
  state text not null default 'running' check (state in ('running', 'promoted', 'rolled_back')),
  share double precision not null,
  reason text,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (model, run),
  foreign key (model, run) references relearn.retrain_runs (model, n),
  foreign key (model, version) references relearn.versions (model, version)
);
