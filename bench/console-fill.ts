import type { Database } from '../src/database.ts';

const days = 30;
const versions = 12;
const queued = 10_000;
/** Rows that each version learned from, and cases of its eval pack. */
const learned = 20_000;
const evalCases = 600;

export const oldestVersion = 'v1';
export const newestVersion = `v${versions}`;
/** Stands in one row, ten days old. */
export const rareWord = 'quokka';

/** A console's database after 30 busy days of the model `bench`, with so many rows in its log. */
export async function fillConsole(db: Database, rows: number): Promise<void> {
  await db.query(
    `select relearn.ensure_partition('samples', now() - make_interval(days => d)) from generate_series(-1, ${days + 1}) d`,
  );
  await fillSamples(db, rows);
  await fillLoop(db);
  await fillRows(db, rows);
  await fillVersions(db);
  await fillWatch(db);
}

/** Texts of three made-up sentences, 300 characters; the latest row is the first. */
async function fillSamples(db: Database, rows: number): Promise<void> {
  await db.query(
    `create unlogged table sentences as
     select s, string_agg(word, ' ' order by place) as said from (
       select s, k as place, (array['my','the','parcel','order','refund','card','when','please','where','is','was','not','sent',
         'paid','late','broken','again','account','invoice','number','address','to','change','cancel','why'])[
         1 + (hashint4(s * 31 + k)::bigint & 2147483647) % 25] ||
         case when k % 5 = 0 then (hashint4(s * 17 + k)::bigint & 2147483647)::text else '' end as word
       from generate_series(1, 20000) s cross join generate_series(1, 14) k
     ) words group by s`,
  );
  await db.query(
    `insert into relearn.samples (request_id, ts, model, model_version, prompt, response, latency_ms, user_id_hash,
       response_logprob, kept_because, inclusion_probability)
     select 'r' || n, now() - make_interval(secs => n::float8 * ${days * 86_400} / $1::int), 'bench',
       'v' || ${versions} - (n - 1) * ${versions} / $1::int, a.said || ' from [EMAIL], ' || b.said ||
         case when n = $1::int / 3 then ' ${rareWord}' else '' end,
       'label ' || n % 50, 12, left(md5((n % 5000)::text), 16), -4 * random(),
       (array['low_confidence', 'flagged', 'healthy', 'healthy', 'healthy', 'healthy', 'healthy', 'healthy'])[1 + n % 8],
       0.05
     from generate_series(1, $1::int) n
     join sentences a on a.s = 1 + n % 20000 join sentences b on b.s = 1 + (n::bigint * 7) % 20000`,
    [rows],
  );
}

async function fillLoop(db: Database): Promise<void> {
  await db.query(`insert into relearn.models (name) values ('bench') on conflict do nothing`);
  await db.query(
    `insert into relearn.versions (model, version, n, kind, created_at)
     select 'bench', 'v' || n, n, 'onnx', now() - make_interval(days => 30 - n * 2) from generate_series(1, ${versions}) n`,
  );
  await db.query(
    `insert into relearn.certificates (id, model, version, kind, passed, content)
     select 'c' || n, 'bench', 'v' || n, 'gated', true, '{}' from generate_series(1, ${versions}) n`,
  );
  await db.query(`insert into relearn.aliases (model, alias, version) values ('bench', 'champion', 'v${versions}')`);
  await db.query(
    `insert into relearn.deployments (model, version, action, actor, at)
     select 'bench', 'v' || n, 'promote', 'relearn', now() - make_interval(days => 30 - n * 2)
     from generate_series(1, ${versions}) n`,
  );
  await db.query(
    `insert into relearn.retrain_runs (model, n, key, triggers, cutoff_seq, state)
     select 'bench', n, 'k' || n, '[]', 0, 'promoted' from generate_series(1, ${versions}) n`,
  );
  await db.query(
    `insert into relearn.minutes (model, minute, model_version, source, requests, low_confidence, kept, negative)
     select 'bench', date_trunc('minute', now()) - make_interval(mins => m), 'v' || ${versions} - m * ${versions} / ${days * 1440 + 1}, 'production',
       500, 20, 23, 3
     from generate_series(1, ${days * 1440}) m`,
  );
}

/** Incident i1 is open, and its rows are the queue; five rows make a card. */
async function fillRows(db: Database, rows: number): Promise<void> {
  await db.query(
    `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state, closed_at)
     select 'i' || n, 'bench', 'v1', 'gold', now() - make_interval(days => n), now() - make_interval(days => n, hours => 12),
       case n when 1 then 'collecting' else 'resolved' end, case when n > 1 then now() - make_interval(days => n - 1) end
     from generate_series(1, 20) n`,
  );
  await db.query(
    `insert into relearn.tags (request_id, tag, incident, model, source, created_at)
     select 'r' || n, 'drift_window', 'i1', 'bench', 'drift', now() - interval '1 day' from generate_series(1, ${queued}) n
     union all
     select 'r' || ${queued} * i + n, 'drift_window', 'i' || i, 'bench', 'drift', now() - make_interval(days => i)
     from generate_series(2, 20) i cross join generate_series(1, 2000) n
     union all
     select 'r' || n, 'refunds', '', 'bench', 'rule', now() - interval '1 hour' from generate_series(1, $1::int, 20) n
     union all
     select 'r' || n, 'rare', '', 'bench', 'operator', now() - interval '1 hour' from generate_series(7, $1::int, $1::int / 100) n
     union all
     select 'r' || n, 'tag ' || n % 60, '', 'bench', 'operator', now() - interval '1 hour' from generate_series(1, $1::int, 50) n`,
    [rows],
  );
  // What else would wait is corrected, an hour after it was answered: so the queue has its size.
  await db.query(
    `insert into relearn.corrections (id, request_id, model, completion, operator, source, equals_response, created_at)
     select 'c' || s.request_id, s.request_id, 'bench', 'label ' || hashtext(s.request_id) % 50, 'ann', 'api', false,
       least(s.ts + interval '1 hour', now() - interval '1 hour')
     from relearn.samples s
     where s.request_id not in (select request_id from relearn.tags where incident = 'i1')
       and (s.request_id in (select request_id from relearn.tags)
         or s.kept_because = 'low_confidence' and s.ts > now() - interval '8 days')
     order by s.ts`,
  );
  await db.query(
    `insert into relearn.review_cards (model, request_id, card, rank, position)
     select 'bench', 'r' || n, 'r' || n - n % 5, n / 5, n % 5 from generate_series(5, ${queued}) n`,
  );
  await db.query(
    `insert into relearn.feedback (id, request_id, model, kind, created_at)
     select gen_random_uuid(), 'r' || n, 'bench', 'thumbs_down', now() - make_interval(secs => n * 2.6)
     from generate_series(1, $1::int, 50) n`,
    [rows],
  );
}

/** Each version learned from corrected rows and was compared with the one before, slice by slice. */
async function fillVersions(db: Database): Promise<void> {
  const counts = { trainRows: learned, heldOutRows: 0, dropped: { duplicate: 0, conflict: 0, contaminated: 0 } };
  const manifest = {
    ...{ model: 'bench', run: 1, triggers: ['drift'], cutoffSeq: 0, redactor: 'bench', redactedAgain: 0 },
    ...{ ...counts, tags: {}, from: null, to: null, files: {} },
  };
  await db.query(
    `insert into relearn.datasets (id, model, path, rows, manifest)
     select 'd' || n, 'bench', '', ${learned}, $1 from generate_series(1, ${versions}) n`,
    [manifest],
  );
  await db.query(
    `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
     select 'd' || n, request_id, id, case when hashtext(id) % 10 = 0 then 'held_out' else 'train' end, 'i2'
     from generate_series(1, ${versions}) n
     cross join (select request_id, id from relearn.corrections order by seq desc limit ${learned}) c`,
  );
  await db.query(`update relearn.versions set dataset = 'd' || n, run = n, parent = 'v' || nullif(n, 1) - 1`);
  await db.query(
    `insert into relearn.eval_runs (id, model, version, run, pack_sha256, cases, passed, results)
     select 'e' || n || '/' || v, 'bench', 'v' || v, n, 'p', ${evalCases}, ${evalCases},
       (select jsonb_agg(jsonb_build_object('case', 'c' || k, 'slice', 'slice ' || k % 8, 'passed', (k + v) % 12 > 0))
        from generate_series(1, ${evalCases}) k)
     from generate_series(2, ${versions}) n cross join lateral (values (n), (n - 1)) compared (v)`,
  );
}

/** Three monitors every 15 minutes, and clusters at each hour. */
async function fillWatch(db: Database): Promise<void> {
  await db.query(
    `insert into relearn.monitor_verdicts (model, model_version, monitor, at, state, figures)
     select 'bench', 'v12', monitor, now() - make_interval(mins => 15 * n), 'clean', '{}'
     from generate_series(1, ${days * 96}) n cross join unnest(array['gold', 'confidence', 'negative_feedback']) monitor`,
  );
  await db.query(
    `insert into relearn.gold_runs (id, model, model_version, purpose, state, gold_sha256, cases, passed, at)
     select 'g' || n, 'bench', 'v12', 'probe', 'ok', 'x', 200, 190, now() - make_interval(mins => 15 * n)
     from generate_series(1, ${days * 96}) n`,
  );
  await db.query(
    `insert into relearn.clusters (model, key, kind, state, rows, terms, review_opened_at)
     select 'bench', 'cluster/' || n, 'found', 'growing', 100, array['parcel', 'late', 'refund'], now()
     from generate_series(1, 100) n`,
  );
  await db.query(
    `insert into relearn.cluster_sizes (model, key, at, rows)
     select 'bench', 'cluster/' || n, now() - make_interval(hours => h), 100 - h
     from generate_series(1, 100) n cross join generate_series(1, 96) h`,
  );
  await db.query(
    `insert into relearn.cluster_members (model, key, request_id)
     select 'bench', 'cluster/' || 1 + n % 100, 'r' || n from generate_series(1, 10000) n`,
  );
  await db.query(
    `insert into relearn.tags (request_id, tag, model, source, actor, created_at)
     select request_id, key, model, 'drift', 'relearn', now() - interval '1 hour' from relearn.cluster_members`,
  );
}
