/**
 * Runs test files against a Postgres and a Temporal server of their own: `npm test`, or `npm test -- FILE...` with
 * the source paths of files or folders. Ends with a line of counts, and with exit code 1 when a test failed.
 */
import { setMaxListeners } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { startPostgres } from '../infra/embedded/postgres.ts';
import { startTemporal } from '../infra/embedded/temporal.ts';
import { readEnvironment } from '../infra/environment.ts';
import { migrate } from '../infra/migrate.ts';
import { registerSearchAttributes } from '../infra/search-attributes.ts';
import { openDatabase } from '../src/database.ts';
import { databaseUrl, templateDatabase } from './stack.ts';
import { patienceMs } from './until.ts';

const built = fileURLToPath(new URL('./', import.meta.url));
const filesAtOnce = 3; // most of a file is waiting

const stopping: (() => Promise<void>)[] = [];
const interrupted = new AbortController();
setMaxListeners(0, interrupted.signal); // the runner listens once a file

async function startStack(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'relearn-test-'));
  stopping.push(async () => rmSync(directory, { recursive: true, force: true }));
  const { cacheDirectory } = readEnvironment();
  const [postgres, temporal] = await Promise.allSettled([
    startPostgres({ directory: join(directory, 'postgres'), unsafe: true }),
    startTemporal({ directory: join(directory, 'temporal'), cacheDirectory, onEvent: (line) => console.log(line) }),
  ]);
  for (const started of [postgres, temporal]) {
    if (started.status === 'fulfilled') stopping.push(() => started.value.process.stop());
  }
  if (postgres.status === 'rejected') throw postgres.reason;
  if (temporal.status === 'rejected') throw temporal.reason;
  await Promise.all([makeTemplate(postgres.value.url), prepareTemporal(temporal.value.address)]);
  process.env['RELEARN_TEST_POSTGRES'] = postgres.value.url;
  process.env['RELEARN_TEST_TEMPORAL'] = temporal.value.address;
}

async function makeTemplate(server: string): Promise<void> {
  const db = openDatabase(server, { maxConnections: 1, connectMs: patienceMs });
  await db.query(`create database ${templateDatabase}`);
  await db.close();
  const template = openDatabase(databaseUrl(server, templateDatabase), { maxConnections: 1, connectMs: patienceMs });
  await migrate(template);
  await template.close();
}

async function prepareTemporal(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: patienceMs });
  await registerSearchAttributes(connection, 'default');
  await connection.close();
}

async function stopStack(): Promise<void> {
  for (const stop of stopping.splice(0).reverse()) await stop();
}

/** Built files of the source paths given: all of them, of a folder, or one. What was built of sources that are gone is none. */
function testFiles(paths: readonly string[]): string[] {
  const source = resolve('test');
  const targets = paths.length === 0 ? [source] : paths.map((path) => resolve(path));
  return targets.flatMap((target) => {
    if (!existsSync(target)) throw new Error(`There is no test at ${target}. Wanted paths such as test/log.`);
    const names = statSync(target).isDirectory() ? readdirSync(target, { recursive: true, encoding: 'utf8' }) : [''];
    const files = names.map((name) => join(target, name)).filter((file) => file.endsWith('.test.ts'));
    return files.map((file) => join(built, relative(source, file).replace(/\.ts$/, '.js')));
  });
}

async function runFiles(files: string[]): Promise<boolean> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  process.env['NODE_OPTIONS'] = `--import ${new URL('./guard.js', import.meta.url).href}`;
  const tests = run({ files: files.sort(), concurrency: filesAtOnce, signal: interrupted.signal });
  tests.on('test:pass', ({ details, skip, todo }) => {
    if (details.type === 'suite') return;
    if (Boolean(skip) || Boolean(todo)) counts.skipped += 1;
    else counts.passed += 1;
  });
  tests.on('test:fail', ({ details }) => {
    if (details.type !== 'suite') counts.failed += 1;
  });
  for await (const chunk of tests.compose(new spec())) process.stdout.write(String(chunk));
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted.abort();
    process.exitCode = 130;
  });
}

try {
  const files = testFiles(process.argv.slice(2));
  await startStack();
  if (!interrupted.signal.aborted && !(await runFiles(files))) process.exitCode ??= 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode ??= 1;
} finally {
  await stopStack();
}
