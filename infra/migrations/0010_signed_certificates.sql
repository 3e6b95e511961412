-- Ed25519 over the content as canonical JSON: {"key","value"}. A certificate without one is good for nothing.
alter table relearn.certificates add column signature jsonb;
-- How often an eval pack has decided about a model.
create index certificates_pack on relearn.certificates (model, (content ->> 'packSha256'));

-- The pack's file alone; pack_sha256 is that of all cases asked, the held-out corrections included.
alter table relearn.eval_runs add column file_sha256 text;
