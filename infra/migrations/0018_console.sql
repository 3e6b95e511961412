-- Roles of the console: who looks, who reviews, who operates.
alter table relearn.keys drop constraint keys_scopes_check,
  add constraint keys_scopes_check check (
    cardinality(scopes) > 0 and scopes <@ array['infer', 'feedback', 'view', 'review', 'operate', 'admin']
  );

-- Sign-ins of the console. A session is good for as long as its key is.
create table relearn.sessions (
  token_sha256 bytea primary key check (octet_length(token_sha256) = 32), -- of 256 random bits
  key_id text not null references relearn.keys on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_expired on relearn.sessions (expires_at);
