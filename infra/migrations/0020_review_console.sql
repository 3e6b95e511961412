-- Who reviews besides oneself, and the console's look at what changed last.
create index review_actions_at on relearn.review_actions (at desc);
