-- The order of the review queue. A card is a row to answer and its near-duplicates, which one answer may serve.
create table relearn.review_cards (
  model text not null,
  request_id text not null,
  card text not null, -- request_id of the card's representative
  cluster bigint, -- rows about the same thing; numbered anew by each ordering
  rank integer not null, -- of the card, lower first; the same for all its rows
  position integer not null, -- within the card, 0 for the representative; the next few are those to look at
  declined integer not null default 0, -- how often one answer did not fit the row's whole card: it is cut finer each time
  computed_at timestamptz not null default now(),
  primary key (model, request_id)
);
create index review_cards_rank on relearn.review_cards (model, rank);
create index review_cards_card on relearn.review_cards (model, card);

-- Beside the tags that the configuration watches, clusterWatch finds clusters of its own: kind `found`, key `cluster/<id>`.
alter table relearn.clusters
  add column id bigint generated always as identity unique,
  add column kind text not null default 'tag' check (kind in ('tag', 'found')),
  add column terms text[] not null default '{}', -- what tells it apart, from redacted text
  add column first_seen_at timestamptz not null default now(),
  add column review_opened_at timestamptz, -- its rows are tagged with its key, and first in the queue
  add column run text not null default ''; -- the look that wrote it last: one that runs twice counts once

-- The rows of a found cluster at its last look; they carry its identity to the next one.
create table relearn.cluster_members (
  model text not null,
  key text not null,
  request_id text not null,
  primary key (model, request_id),
  foreign key (model, key) references relearn.clusters (model, key) on delete cascade
);
create index cluster_members_key on relearn.cluster_members (model, key);
