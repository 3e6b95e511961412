-- Every event that opened an incident or joined one: sent again, it changes nothing, however long ago that was.
create table relearn.drift_events (
  model text not null,
  event_id text not null,
  incident text not null,
  at timestamptz not null default now(),
  primary key (model, event_id)
);
insert into relearn.drift_events (model, event_id, incident, at)
  select distinct on (i.model, e.event_id) i.model, e.event_id, i.id, i.detected_at
  from relearn.incidents i
  cross join lateral (
    select i.event_id union select jsonb_array_elements_text(coalesce(i.figures->'joinedEvents', '[]'))
  ) e (event_id)
  where e.event_id is not null
  order by i.model, e.event_id, i.detected_at desc;
update relearn.incidents set figures = figures - 'joinedEvents' where figures ? 'joinedEvents';
