import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { childEnvironment } from '../environment.ts';
import { withLock } from '../lock.ts';

/** What infra/temporal builds and the download fetches. */
const version = '1.5.1';
const module = fileURLToPath(new URL('../../../infra/temporal/', import.meta.url));
const run = promisify(execFile);

export interface TemporalCliOptions {
  /** Folder outside the checkout, such as ~/.cache/relearn. */
  cacheDirectory: string;
  onEvent: (line: string) => void;
  downloadTimeoutMs?: number;
}

/**
 * The Temporal CLI, as a command to spawn: the one on PATH, else the cached one, else a download, else a build with Go
 * (two minutes, once). Throws `stack_failed`, which says what to install.
 */
export async function findTemporalCli(options: TemporalCliOptions): Promise<string> {
  if (await answersVersion('temporal')) return 'temporal';
  const directory = join(options.cacheDirectory, `temporal-cli-${version}`);
  const cached = join(directory, 'temporal');
  if (existsSync(cached)) return cached;
  await mkdir(directory, { recursive: true });
  return withLock(
    join(directory, 'lock'),
    () => options.onEvent('waiting for another process to get the Temporal CLI'),
    async () => {
      if (existsSync(cached)) return cached;
      const workspace = await mkdtemp(join(directory, 'partial-'));
      try {
        const made = await obtain(workspace, options);
        await rename(made, cached);
      } finally {
        await rm(workspace, { recursive: true, force: true });
      }
      return cached;
    },
  );
}

/** One that does not answer (wrong platform, or a folder that cannot be read) is as good as none. */
async function answersVersion(command: string): Promise<boolean> {
  try {
    const { stdout } = await run(command, ['--version'], { timeout: 10_000 });
    return stdout.startsWith('temporal version');
  } catch {
    return false;
  }
}

async function obtain(workspace: string, options: TemporalCliOptions): Promise<string> {
  const target = join(workspace, 'temporal');
  try {
    options.onEvent(`downloading the Temporal CLI ${version}`);
    await download(workspace, options.downloadTimeoutMs ?? 20_000);
    if (await answersVersion(target)) return target;
    throw new Error('what was downloaded does not run here');
  } catch (error) {
    options.onEvent(`no download (${causeOf(error)}); building it with Go, which takes about two minutes`);
    await build(target, options.onEvent, causeOf(error));
    return target;
  }
}

/** By Temporal's own download service, as the SDKs do. */
async function download(workspace: string, timeoutMs: number): Promise<void> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `https://temporal.download/cli/archive/v${version}?platform=${process.platform}&arch=${architecture}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
  const tar = spawn('tar', ['-xz', '-C', workspace, 'temporal'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise<void>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('the archive is damaged'))));
  });
  await Promise.all([pipeline(Readable.fromWeb(response.body), tar.stdin), ended]);
}

async function build(target: string, onEvent: (line: string) => void, downloadProblem: string): Promise<void> {
  const started = Date.now();
  const progress = setInterval(() => {
    onEvent(`building the Temporal CLI, once: ${Math.round((Date.now() - started) / 1000)} s`);
  }, 5000);
  try {
    const args = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', target];
    await run('go', [...args, 'github.com/temporalio/cli/cmd/temporal'], {
      cwd: module,
      env: childEnvironment({ CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }),
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    throw new RelearnError(
      'stack_failed',
      `There is no Temporal server to start: no \`temporal\` on PATH, its download failed (${downloadProblem}), and ` +
        `${goProblem(error)}. Install Go 1.25 or newer (with access to a Go module proxy), or put the Temporal CLI on ` +
        'PATH (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a server of your own.',
      { cause: error },
    );
  } finally {
    clearInterval(progress);
  }
}

function goProblem(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'Go is not installed to build it';
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : errorMessage(error);
  return `building it with Go failed:\n${text.trim().split('\n').slice(-5).join('\n')}\n`;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return errorMessage(cause);
}
