-- Rows may reach an hour of `recent` after its reservoir was drawn: the draw says which of them it would have taken.
alter table relearn.draws
  add column threshold double precision, -- keyed hashes up to it are drawn; null: drawn before this was kept
  add column inserted bigint not null default 0; -- rows the hour's partition had taken in, as Postgres counts them
