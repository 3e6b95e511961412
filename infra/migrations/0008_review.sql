-- What waits for a person: a line for each production row that carries a tag or was answered with low confidence, and
-- has no verified correction. Filled and tidied by set-based statements; it holds no text.
create table relearn.review_queue (
  request_id text primary key,
  model text not null,
  ts timestamptz not null, -- of the row in samples
  incident text not null default '', -- the open incident it belongs to, else its latest; '' for none
  confidence double precision not null, -- its log-probability; -infinity when the model gives none
  card text, -- its place among the cards, as review_cards had it last; null without one
  rank int,
  position int,
  lease uuid, -- of the card that a reviewer holds
  lease_place int, -- within the card: 0 is the row to answer
  leased_by text,
  leased_until timestamptz,
  skipped_by text[] not null default '{}', -- not shown to them before skipped_until
  skipped_until timestamptz,
  removed_by text, -- set: never shown again
  removed_at timestamptz
);
create index review_queue_order on relearn.review_queue (model, confidence, ts desc, request_id) where removed_at is null;
create index review_queue_incident on relearn.review_queue (model, incident, confidence, ts desc, request_id)
  where removed_at is null;
create index review_queue_card on relearn.review_queue (model, rank, position, request_id)
  where removed_at is null and card is not null;
create index review_queue_fold on relearn.review_queue (model, card, position, request_id)
  where removed_at is null and card is not null;
create index review_cards_computed on relearn.review_cards (model, computed_at);
create index review_queue_lease on relearn.review_queue (lease) where lease is not null;
create index review_queue_reviewer on relearn.review_queue (leased_by) where lease is not null;

-- The order of the cards that the queue has taken over.
create table relearn.review_placed (
  model text primary key,
  placed_at timestamptz not null
);

-- What a reviewer did with a card, so that it can be undone.
create table relearn.review_actions (
  id uuid primary key,
  at timestamptz not null default now(),
  model text not null,
  operator text not null,
  action text not null check (action in ('answer', 'skip', 'remove')),
  request_ids text[] not null,
  correction_ids text[] not null default '{}',
  undone_at timestamptz
);
create index review_actions_last on relearn.review_actions (operator, at desc);

-- A correction that was taken back is no longer verified, and says so: others wait for someone to verify them.
alter table relearn.corrections add column withdrawn_at timestamptz;

-- What a stronger model would have answered. Shown as a suggestion; a correction only when it is verified.
create table relearn.proposals (
  request_id text not null,
  model text not null,
  proposer text not null, -- the stronger model
  completion text not null, -- redacted
  agreed boolean not null, -- two runs said the same
  judged boolean not null, -- the judge let it pass
  reason text not null,
  correction_id text, -- the correction it became
  at timestamptz not null default now(),
  primary key (request_id, proposer)
);
create index proposals_budget on relearn.proposals (model, at);

-- Rows pushed to Label Studio. task_id is null from the claim of a row until Label Studio has answered.
create table relearn.label_studio_tasks (
  url text not null,
  project bigint not null,
  request_id text not null,
  model text not null,
  task_id bigint,
  claimed_at timestamptz not null default now(),
  primary key (url, project, request_id)
);
create unique index label_studio_task on relearn.label_studio_tasks (url, project, task_id);

-- Annotations taken back: one that comes twice, or late, changes nothing.
create table relearn.label_studio_annotations (
  url text not null,
  annotation_id bigint not null,
  request_id text not null,
  updated_at timestamptz not null,
  correction_id text,
  primary key (url, annotation_id)
);

-- New tags and corrections are found by their time; they are written in its order.
create index tags_created on relearn.tags using brin (created_at) with (pages_per_range = 16);
create index corrections_created on relearn.corrections using brin (created_at) with (pages_per_range = 16);
