import type { Command } from 'commander';
import { openRuntime, type Runtime } from '../runtime.ts';

/** Runs a command's work with configuration and database open, and closes them whatever happens. */
export async function runWith<Options extends object>(
  command: Command,
  work: (runtime: Runtime, options: Options) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<Options & { config?: string }>();
  const runtime = await openRuntime({ config: options.config });
  try {
    await work(runtime, options);
  } finally {
    await runtime.close();
  }
}

/** Prints what a command reports: JSON on one line when asked for, else lines for people. */
export function report(json: boolean | undefined, value: unknown, lines: () => string): void {
  console.log(json === true ? JSON.stringify(value) : lines());
}
