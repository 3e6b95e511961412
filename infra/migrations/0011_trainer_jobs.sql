-- Jobs at fine-tuning APIs: a worker that takes over a run polls its job instead of submitting a second one.
create table relearn.trainer_jobs (
  key text primary key, -- of the retrain run
  job text not null, -- the API's id
  url text not null,
  created_at timestamptz not null default now()
);
