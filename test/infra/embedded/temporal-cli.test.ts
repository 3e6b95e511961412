import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = new URL('../../../infra/embedded/temporal-cli.js', import.meta.url).href;
const folder = await mkdtemp(join(tmpdir(), 'relearn-temporal-cli-'));
after(() => rm(folder, { recursive: true }));

/** Looks for the CLI in a process that finds only what is in `programs`; prints what it got, or the error's message. */
async function find(programs: string, cacheDirectory: string): Promise<string> {
  const options = `{ cacheDirectory: '${cacheDirectory}', onEvent: () => {}, downloadTimeoutMs: 1000 }`;
  const script = `const { findTemporalCli } = await import('${module}');
    console.log(await findTemporalCli(${options}).catch((error) => error.code + ' ' + error.message));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { env: { PATH: programs } });
  return stdout.trim();
}

async function program(directory: string, name: string, script: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(directory, name), 0o755);
}

const answersVersion = `echo 'temporal version 1.5.1'`;
/** A `go` that "builds" a program that answers like the CLI, slowly, and notes that it was asked. */
const go = (log: string) => `echo build >> '${log}'
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n%s\\n' "${answersVersion}" > "$2"
/bin/chmod +x "$2"
/bin/sleep 1`;

test('the Temporal CLI on PATH comes first', async () => {
  const programs = join(folder, 'with-temporal');
  await program(programs, 'temporal', answersVersion);
  assert.equal(await find(programs, join(folder, 'cache-unused')), 'temporal');
  assert.ok(!existsSync(join(folder, 'cache-unused')));
});

test('without CLI, network and Go the error says what to install or set', async () => {
  const message = await find(join(folder, 'nothing'), join(folder, 'cache-nothing'));
  assert.match(message, /^stack_failed/);
  assert.match(message, /Go is not installed/);
  assert.match(message, /Install Go 1\.25 or newer.*Temporal CLI on PATH.*TEMPORAL_ADDRESS/);
});

test('a build that fails shows the end of what Go said', async () => {
  const programs = join(folder, 'with-failing-go');
  await program(programs, 'go', 'echo "dial tcp: module proxy unreachable" >&2; exit 1');
  const message = await find(programs, join(folder, 'cache-failing'));
  assert.match(message, /^stack_failed/);
  assert.match(message, /module proxy unreachable/);
});

test('two that need it at once build once, and later ones take it from the cache', async () => {
  const programs = join(folder, 'with-go');
  const log = join(folder, 'builds.log');
  const cache = join(folder, 'cache-built');
  await program(programs, 'go', go(log));
  const found = await Promise.all([find(programs, cache), find(programs, cache)]);
  const built = join(cache, 'temporal-cli-1.5.1', 'temporal');
  assert.deepEqual(found, [built, built]);
  assert.equal(await find(join(folder, 'nothing'), cache), built);
  assert.equal(await readFile(log, 'utf8'), 'build\n');
});
