-- A run of the gold set may ask each case several times, and only some of the cases. Repeats of a case are averaged.
alter table relearn.gold_runs
  alter column passed type double precision,
  add column repeats int not null default 1,
  add column asked jsonb; -- ids of the cases asked; null: the whole set
