import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import getPort from 'get-port';
import { startProcess } from '../../infra/embedded/process.ts';
import { childEnvironment, readEnvironment } from '../../infra/environment.ts';
import type { Peer } from './node.ts';

const run = promisify(execFile);
const source = fileURLToPath(new URL('../../../bench/peers/middleware.py', import.meta.url));
const startWithinMs = 120_000;

/** Where the benchmarks keep what they fetched or computed once. */
export const cacheFolder = (name: string) => join(readEnvironment().cacheDirectory, 'bench', name);

/** A Python environment with these packages, in the cache: installed once. Returns the folder of its programs. */
export async function installPackages(name: string, packages: readonly string[]): Promise<string> {
  const folder = cacheFolder(name);
  if (!existsSync(join(folder, 'installed'))) {
    console.error(`installing ${packages.join(', ')} for the benchmark, once`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run('python3', ['-m', 'venv', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', ...packages], { maxBuffer: 2 ** 26 });
    await writeFile(join(folder, 'installing'), packages.join('\n'));
    await rename(join(folder, 'installing'), join(folder, 'installed'));
  }
  return join(folder, 'bin');
}

interface PeerPlan {
  name: string;
  command: string;
  args: readonly string[];
  directory: string;
  port: number;
  env?: Record<string, string>;
}

async function startServer({ name, command, args, directory, port, env = {} }: PeerPlan): Promise<Peer> {
  const process = await startProcess({
    ...{ command, args, env: { ...childEnvironment(env) }, logFile: join(directory, `${name}.log`) },
    ...{ stopSignal: 'SIGTERM', stopWithinMs: 5000 },
  });
  for (const deadline = Date.now() + startWithinMs; Date.now() < deadline && process.running();) {
    const answers = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    );
    if (answers) return { name, port, process };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await process.stop();
  throw new Error(`${name} did not start; see ${join(directory, `${name}.log`)}`);
}

/** FastAPI + httpx with three regexes and a JSONL file. */
export async function startMiddleware(directory: string, upstream: string): Promise<Peer> {
  const programs = await installPackages('middleware', ['fastapi', 'httpx', 'uvicorn[standard]']);
  const port = await getPort({ host: '127.0.0.1' });
  await copyFile(source, join(directory, 'middleware.py'));
  const where = ['--app-dir', directory, '--port', `${port}`];
  return startServer({
    ...{ name: 'middleware', command: join(programs, 'uvicorn'), directory, port },
    args: ['middleware:app', '--log-level', 'warning', '--no-access-log', ...where],
    env: { UPSTREAM: upstream, LOG_FILE: join(directory, 'middleware.jsonl') },
  });
}

/** LiteLLM's proxy as its guide starts it, with no database and no callbacks. */
export async function startLiteLlm(directory: string, upstream: string, model: string): Promise<Peer> {
  const programs = await installPackages('litellm', ['litellm[proxy]']);
  const port = await getPort({ host: '127.0.0.1' });
  const served = { model: 'openai/bench-upstream', api_base: upstream, api_key: 'none' };
  const config = join(directory, 'litellm.yaml');
  await writeFile(config, JSON.stringify({ model_list: [{ model_name: model, litellm_params: served }] }));
  return startServer({
    ...{ name: 'litellm', command: join(programs, 'litellm'), directory, port },
    args: ['--config', config, '--host', '127.0.0.1', '--port', `${port}`, '--num_workers', '1'],
    env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true' },
  });
}
