-- Counts of all traffic, whatever became of the rows. Rows and their counts are stored in one transaction.
create table relearn.minutes (
  model text not null,
  minute timestamptz not null,
  model_version text not null,
  source text not null check (source in ('production', 'probe', 'eval')),
  requests bigint not null default 0,
  low_confidence bigint not null default 0,
  kept bigint not null default 0, -- in samples when they were written; pins and reservoir draws come later
  negative bigint not null default 0, -- rows that users were unhappy with
  dropped bigint not null default 0, -- neither in samples nor in recent: lost, and counted by reason in the metrics
  primary key (model, minute, model_version, source)
);

-- Counts of requests without a row are stored once, by the id their gateway gave them: a lost answer is asked again.
create table relearn.tallies (
  id uuid primary key,
  at timestamptz not null default now()
);

-- One draw of a reservoir: k of the n healthy rows of a closed hour, each with probability k / n.
create table relearn.draws (
  model text not null,
  hour timestamptz not null,
  healthy_rows bigint not null,
  drawn bigint not null,
  probability double precision not null check (probability >= 0 and probability <= 1),
  drawn_at timestamptz not null default now(),
  primary key (model, hour)
);

-- 0: never by chance, as with a healthy rate of 0 or before a reservoir is drawn. Such a row is here by its pins.
alter table relearn.samples drop constraint samples_inclusion_probability_check,
  add constraint samples_inclusion_probability_check check (inclusion_probability >= 0 and inclusion_probability <= 1);
