import type { Command } from 'commander';
import { defaultConfigPath } from '../config-file.ts';
import { readEnvironment } from '../environment.ts';
import type { Stack } from '../up.ts';
import { readPort } from './port-option.ts';
import { endingSignal, untilAborted } from './signals.ts';

interface UpOptions {
  config?: string;
  json?: boolean;
  freePorts?: boolean;
  postgresPort?: number;
  temporalPort?: number;
  temporalUiPort?: number;
}

/** `relearn up`: everything on this machine, until Ctrl-C. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('run everything: Postgres and Temporal (unless the environment names them), worker, gateway, console')
    .option('--free-ports', 'take any free ports')
    .option('--postgres-port <number>', 'of the embedded Postgres (default: a free one)', readPort)
    .option('--temporal-port <number>', 'of the embedded Temporal server (default: 7233, or a free one)', readPort)
    .option('--temporal-ui-port <number>', 'of its UI (default: 8233, or a free one)', readPort)
    .option('--json', 'print the URLs as JSON once all is up')
    .action(async (_: unknown, command: Command) => {
      await up(command.optsWithGlobals<UpOptions>());
    });
}

async function up(options: UpOptions): Promise<void> {
  const { startStack } = await import('../up.ts');
  const { postgresPort: postgres, temporalPort: temporal, temporalUiPort: temporalUi } = options;
  const started = performance.now();
  // Ctrl-C while it starts ends this process; what was started notices.
  const stack = await startStack({
    config: options.config ?? readEnvironment().configPath ?? defaultConfigPath,
    ports: options.freePorts === true ? 'free' : defined({ postgres, temporal, temporalUi }),
    onEvent: ({ level, source, message }) => {
      if (level === 'warn') console.error(`${source}: ${message}`);
      else if (options.json !== true) console.log(`${source}: ${message}`);
    },
  });
  const ending = endingSignal();
  const seconds = (performance.now() - started) / 1000;
  // Not the database's URL: it holds the password, and is in stack.json.
  const urls = { ...stack.urls, database: undefined };
  if (options.json === true) console.log(JSON.stringify({ urls, seconds }));
  else console.log(describeStack(stack, seconds));
  await untilAborted(ending);
  if (options.json !== true) console.log('\nstopping (Ctrl-C again ends it at once)');
  await stack.stop();
}

function describeStack({ urls, config }: Stack, seconds: number): string {
  const rows = [
    ['gateway', `${urls.gateway}   set OPENAI_BASE_URL=${urls.gateway}/v1 in your app`],
    ['console', `${urls.console}   what waits for a correction`],
    ...(urls.temporalUi === undefined ? [] : [['Temporal UI', `${urls.temporalUi}   every step of the loop`]]),
    ['Temporal', urls.temporal],
    ['state', config.stateDir],
  ];
  const lines = rows.map(([name = '', text = '']) => `  ${name.padEnd(12)} ${text}`);
  return [`\nRelearn is up (${seconds.toFixed(1)} s). Ctrl-C stops it.\n`, ...lines, ''].join('\n');
}

function defined(ports: { [name in 'postgres' | 'temporal' | 'temporalUi']: number | undefined }) {
  const { postgres, temporal, temporalUi } = ports;
  return {
    ...(postgres === undefined ? {} : { postgres }),
    ...(temporal === undefined ? {} : { temporal }),
    ...(temporalUi === undefined ? {} : { temporalUi }),
  };
}
