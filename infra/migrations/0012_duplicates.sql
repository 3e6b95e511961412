-- A row that says the same as another one of its dataset: learned through the other.
alter table relearn.dataset_rows drop constraint dataset_rows_split_check;
alter table relearn.dataset_rows
  add constraint dataset_rows_split_check check (split in ('train', 'held_out', 'duplicate'));
