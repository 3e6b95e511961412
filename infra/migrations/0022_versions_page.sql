-- What both versions of a retrain run did with the eval pack.
create index eval_runs_run on relearn.eval_runs (model, run);
