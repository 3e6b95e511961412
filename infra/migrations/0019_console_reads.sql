-- What the console asks of large tables is answered from an index alone.
drop index relearn.tags_incident;
create index tags_incident on relearn.tags (incident, request_id) where incident <> '';
create index gold_runs_at on relearn.gold_runs (model, at desc);
create index review_actions_at on relearn.review_actions (at desc);
