-- What the gates decided of a candidate, by its eval run: {"champion","packUses","verdict"}. A person who approves it reads
-- this, as the certificate is signed afterwards.
alter table relearn.eval_runs add column judgement jsonb;
