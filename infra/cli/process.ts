import type { Command } from 'commander';
import { checkConfiguredFiles } from '../configured-files.ts';
import { createLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import { openRuntime } from '../runtime.ts';
import type { Runtime } from '../runtime.ts';
import { readPort } from './port-option.ts';
import { report, runWith } from './run-with.ts';
import { endingSignal, untilAborted } from './signals.ts';

interface ProcessOptions {
  config?: string;
  port?: number;
  json?: boolean;
}

/** A process that is still there this long after it was asked to end is stuck. */
const endWithinMs = 18_000;
/** No statement goes on for longer than what it is for: an answer that someone waits for, or the longest of activities. */
const longestStatementMs = { gateway: 30_000, console: 30_000, worker: 3_600_000 };

/** `gateway`, `worker`, `console`: one process of the stack each; and `migrate`. */
export function addProcessCommands(program: Command): void {
  program
    .command('gateway')
    .description('serve the champions: one process of `relearn up`, or of a deployment of your own')
    .option('--port <number>', 'instead of the one in relearn.yaml', readPort)
    .action((_: unknown, command: Command) =>
      runProcess('gateway', command, async (runtime, logger, { port }) => {
        const { startGateway } = await import('../gateway-process.ts');
        return startGateway(runtime, logger, port);
      }),
    );

  program
    .command('worker')
    .description('run workflows, activities and training')
    .action((_: unknown, command: Command) =>
      runProcess('worker', command, async (runtime, logger, _options, ending) => {
        const { startWorkerProcess } = await import('../worker-process.ts');
        return startWorkerProcess(runtime, logger, ending);
      }),
    );

  program
    .command('console')
    .description('serve the review API and its page')
    .option('--port <number>', 'instead of the one in relearn.yaml', readPort)
    .action((_: unknown, command: Command) =>
      runProcess('console', command, async (runtime, logger, { port }) => {
        const { startConsole } = await import('../console-process.ts');
        return startConsole(runtime, logger, port);
      }),
    );

  program
    .command('migrate')
    .description('prepare Postgres and Temporal: schema, search attributes, schedules; may run again at any time')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<ProcessOptions>(command, prepare));
}

/** What `relearn up` does for its own servers, for a Postgres and a Temporal of the user's own. */
async function prepare(runtime: Runtime, { json }: ProcessOptions): Promise<void> {
  const { prepareBackends } = await import('../prepare.ts');
  const { config, configPath, environment } = runtime;
  const done: string[] = [];
  for (const warning of await checkConfiguredFiles(config)) console.error(`warning: ${warning}`);
  await prepareBackends({
    ...{ config, configPath, environment },
    embedded: false,
    onEvent: ({ message }) => void done.push(message),
  });
  report(json, { done }, () => (done.length === 0 ? 'Everything was ready.' : done.join('\n')));
}

interface Running {
  url?: string;
  /** Settles when it ends by itself. */
  done?: Promise<void>;
  stop(): Promise<void>;
}

type Start = (runtime: Runtime, logger: Logger, options: ProcessOptions, ending: AbortSignal) => Promise<Running>;

/** Runs until it is asked to end, then ends in order: what is under way first, the database last. */
async function runProcess(name: keyof typeof longestStatementMs, command: Command, start: Start): Promise<void> {
  const options = command.optsWithGlobals<ProcessOptions>();
  const ending = endingSignal();
  const runtime = await openRuntime({ config: options.config, statementMs: longestStatementMs[name] });
  const logger = createLogger({ level: runtime.environment.logLevel, name });
  try {
    const running = await start(runtime, logger, options, ending);
    logger.info(running.url === undefined ? {} : { url: running.url }, `${name} is ready`);
    await Promise.race([untilAborted(ending), ...(running.done === undefined ? [] : [running.done])]);
    setTimeout(() => {
      logger.error(`${name} did not end in time`);
      process.exit(1);
    }, endWithinMs).unref();
    await running.stop();
    logger.info(`${name} has ended`);
  } catch (error) {
    if (!ending.aborted) throw error;
  } finally {
    await runtime.close();
  }
}
