import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { z } from 'zod';
import { writeExample } from '../../../infra/cli/init.ts';
import { logRecordSchema, type LogRecord } from '../../../src/log/record.ts';
import { createTestDatabase } from '../../stack.ts';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'relearn-log-cli-'));
await writeExample(folder);
const settings = parse(await readFile(join(folder, 'relearn.yaml'), 'utf8')) as { models: object };
const model = Object.keys(settings.models)[0] ?? '';
const database = await createTestDatabase();
beforeEach(() => database.db.query('truncate relearn.samples, relearn.recent, relearn.tags'));
after(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const relearn = async (...args: string[]) => (await relearnWhole(...args)).stdout;

function relearnWhole(...args: string[]) {
  const unset = /^(DATABASE_URL|TEMPORAL_.*|RELEARN_.*)$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !unset.test(name)));
  const options = { cwd: folder, env: { ...env, DATABASE_URL: database.url } };
  return run(process.execPath, [cli, 'log', ...args], options);
}

const records = (count: number): LogRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ request_id: `r${String(n).padStart(5, '0')}`, model_version: 'v1', response: 'ham', latency_ms: 1 },
    ts: new Date(Date.UTC(2026, 4, 10) + n * 60_000).toISOString(),
    // Not to be foretold, so that what is compressed is long enough to be cut.
    prompt: `prompt ${Math.sin(n)} ${Math.cos(n)}`,
    ...{ user_id_hash: null, response_logprob: -0.5, tags: n % 2 === 0 ? ['even'] : [] },
  }));
const lines = (given: readonly LogRecord[]): string => given.map((record) => `${JSON.stringify(record)}\n`).join('');
const readBack = (jsonl: string): LogRecord[] =>
  jsonl
    .trimEnd()
    .split('\n')
    .map((line) => logRecordSchema.parse(JSON.parse(line)));
const counts = z.object({ read: z.number(), imported: z.number() }); // `expiring` depends on the day
const path = (name: string): string => join(folder, name);

async function importFile(name: string, ...more: string[]) {
  return counts.parse(JSON.parse(await relearn('import', path(name), '--model', model, '--json', ...more)));
}

test('a log that is exported compressed comes back the same into an empty database, and a second time changes nothing', async () => {
  await writeFile(path('given.jsonl'), lines(records(700)));
  assert.deepEqual(await importFile('given.jsonl'), { read: 700, imported: 700 });
  await relearn('export', '--out', path('log.jsonl.gz'));
  const compressed = await readFile(path('log.jsonl.gz'));
  assert.deepEqual(readBack(gunzipSync(compressed).toString()), readBack(await relearn('export')));
  await database.db.query('truncate relearn.samples, relearn.tags');
  assert.deepEqual(await importFile('log.jsonl.gz'), { read: 700, imported: 700 });
  assert.deepEqual(await importFile('log.jsonl.gz'), { read: 700, imported: 0 });
  assert.deepEqual(
    readBack(await relearn('export')).map(({ prompt, tags }) => ({ prompt, tags })),
    readBack(gunzipSync(compressed).toString()).map(({ prompt, tags }) => ({ prompt, tags })),
  );
  await writeFile(path('plainly-named'), compressed);
  assert.deepEqual(await importFile('plainly-named', '--gzip'), { read: 700, imported: 0 });
});

test('rows from before the retention are imported with a word of warning', async () => {
  const old = new Date(Date.now() - 91 * 86_400_000).toISOString();
  const given = records(3).map((record, n) => ({ ...record, ts: n === 0 ? old : new Date().toISOString() }));
  await writeFile(path('old.jsonl'), lines(given));
  const { stdout, stderr } = await relearnWhole('import', path('old.jsonl'), '--model', model, '--json');
  assert.deepEqual(JSON.parse(stdout), { read: 3, imported: 3, expiring: 1 });
  assert.match(stderr, /^1 rows are older than log\.retentionDays \(90\)/m);
});

test('an export takes model, times and tag together', async () => {
  const given = records(20);
  await writeFile(path('given.jsonl'), lines(given));
  await importFile('given.jsonl');
  const [from, to] = [given[4]?.ts ?? '', given[11]?.ts ?? ''];
  const chosen = await relearn('export', '--model', model, '--from', from, '--to', to, '--tag', 'even');
  assert.deepEqual(
    readBack(chosen).map((record) => record.request_id),
    ['r00004', 'r00006', 'r00008', 'r00010'],
  );
  assert.equal(await relearn('export', '--model', 'unknown', '--from', from, '--tag', 'even'), '');
  await assert.rejects(relearn('export', '--from', 'yesterday'), { code: 2, stderr: /--from is no time.*ISO 8601/ });
  await assert.rejects(relearn('export', '--out', path('nowhere/log.jsonl')), {
    ...{ code: 2, stderr: /Cannot write --out .*log\.jsonl \(ENOENT\)\. Wanted a file/ },
  });
});

test('of a compressed log that is cut short whole batches before the cut are stored; the error says how many, and the whole file heals it', async () => {
  const whole = gzipSync(lines(records(3000)));
  await writeFile(path('cut.jsonl.gz'), whole.subarray(0, Math.floor(whole.length * 0.8)));
  let said = '';
  await assert.rejects(relearn('import', path('cut.jsonl.gz'), '--model', model), (error: { stderr?: string }) => {
    said = error.stderr ?? '';
    return true;
  });
  assert.match(said, /Cannot read .*cut\.jsonl\.gz \(Z_BUF_ERROR\)\. It is cut short/);
  assert.doesNotMatch(said, /prompt \d/);
  const [kept] = await database.db.query<{ rows: number }>('select count(*)::int as rows from relearn.samples');
  const rows = kept?.rows ?? -1;
  assert.match(said, new RegExp(`${rows} rows before it were imported`));
  assert.equal(rows % 500, 0);
  assert.ok(rows < 3000);
  await writeFile(path('whole.jsonl.gz'), whole);
  assert.deepEqual(await importFile('whole.jsonl.gz'), { read: 3000, imported: 3000 - rows });
});
