import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { startProcess, type ManagedProcess } from '../../infra/embedded/process.ts';

const run = promisify(execFile);
const scriptPath = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Something to be measured, that answers on a port of this machine. */
export interface Peer {
  name: string;
  port: number;
  process: ManagedProcess;
}

const listening = z.object({ port: z.number() });

/** Starts a server of this folder, which prints its port. */
export async function startNodePeer(name: string, directory: string, ...args: string[]): Promise<Peer> {
  let onPort: (port: number) => void = () => {};
  const started = new Promise<number>((resolve) => (onPort = resolve));
  const process_ = await startProcess({
    ...{ command: process.execPath, args: [scriptPath(name), ...args], logFile: join(directory, `${name}.log`) },
    ...{ stopSignal: 'SIGTERM', stopWithinMs: 2000 },
    onLine: (line) => onPort(listening.parse(JSON.parse(line)).port),
  });
  const died = process_.exited.then((how) => Promise.reject(new Error(`${name} ${how}`)));
  return { name, port: await Promise.race([started, died]), process: process_ };
}

export interface LoadOptions {
  port: number;
  model: string;
  seconds: number;
  connections?: number;
  /** An open loop: so many a second, answered or not. Left out: as many as go through. */
  perSecond?: number;
}

const loadResult = z.object({
  answered: z.number(),
  failed: z.number(),
  perSecond: z.number(),
  latenciesMs: z.array(z.number()),
});
export type LoadResult = z.output<typeof loadResult>;

/** Runs the load generator in a process of its own. Throws when an answer was no answer. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await run(process.execPath, [scriptPath('load'), JSON.stringify(options)], {
    maxBuffer: 2 ** 26,
  });
  const result = loadResult.parse(JSON.parse(stdout));
  if (result.failed > 0 || result.answered === 0) {
    throw new Error(`port ${options.port}: ${result.answered} answered, ${result.failed} failed`);
  }
  return result;
}
