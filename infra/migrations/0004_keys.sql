-- Keys of the gateway and the review API. The secret itself is shown once and stored nowhere.
create table relearn.keys (
  id text primary key, -- the public part of the key
  name text not null,
  scopes text[] not null
    check (cardinality(scopes) > 0 and scopes <@ array['infer', 'feedback', 'review', 'admin']),
  secret_sha256 bytea not null check (octet_length(secret_sha256) = 32), -- of 256 random bits: a slow hash adds nothing
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
