-- How large a found cluster was at each look of clusterWatch: what makes it growing, drawn by the console.
create table relearn.cluster_sizes (
  model text not null,
  key text not null,
  at timestamptz not null default now(),
  rows int not null,
  primary key (model, key, at),
  foreign key (model, key) references relearn.clusters (model, key) on delete cascade
);
