-- Workflows whose histories hold what a person typed for a row, by the SHA-256 of its request id: what was typed as one
-- may be anything. '' stands for a message that could not be read. Gone with the runs that an erasure deletes.
create table relearn.typed_corrections (
  request_sha256 text not null,
  workflow_id text not null,
  primary key (request_sha256, workflow_id)
);
create index typed_corrections_workflow on relearn.typed_corrections (workflow_id);

-- Until now only the correction was kept, and not by which incident it came: each one that was open then may have had it.
insert into relearn.typed_corrections (request_sha256, workflow_id)
select distinct encode(sha256(convert_to(c.request_id, 'UTF8')), 'hex'), 'drift-response/' || i.model || '/' || i.id
from relearn.corrections c
cross join lateral (values (c.created_at), (c.restated_at)) said (at)
join relearn.incidents i on said.at >= i.detected_at - interval '1 hour'
  and said.at <= coalesce(i.closed_at, 'infinity') + interval '1 hour'
where c.source in ('signal', 'update');
