import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { errorMessage, RelearnError } from '../../src/errors.ts';
import { choosePort } from '../ports.ts';
import { lastLines, startProcess } from './process.ts';
import type { ManagedProcess } from './process.ts';
import { findTemporalCli } from './temporal-cli.ts';
import type { TemporalCliOptions } from './temporal-cli.ts';

const host = '127.0.0.1';

export interface EmbeddedTemporal {
  /** host:port of the gRPC frontend. */
  address: string;
  /** URL of the Temporal UI. */
  ui: string;
  process: ManagedProcess;
}

export interface EmbeddedTemporalOptions extends TemporalCliOptions {
  /** Holds the database file and the log; survives restarts. */
  directory: string;
  /** Free ones when left out. */
  port?: number;
  uiPort?: number;
  /** Where its UI has payloads decrypted. */
  codecEndpoint?: string | undefined;
}

/**
 * What differs from a server's defaults. More than ten updates in flight stall a workflow on a default server; the new
 * matcher makes priorities count.
 */
const dynamicConfig = ['history.maxInFlightUpdates=200', 'matching.useNewMatcher=true'];

/**
 * Four times the throughput of the default journal. Survives the kill of any process; a machine that loses power may
 * forget its last moments, which every activity here stands.
 */
const sqlite = ['journal_mode=WAL', 'synchronous=NORMAL'];

/** Starts the Temporal dev server on 127.0.0.1 and waits until it answers. Throws `port_taken` or `stack_failed`. */
export async function startTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  await mkdir(options.directory, { recursive: true });
  const [port, uiPort] = [
    await choosePort(options.port, { host, what: 'the Temporal server', setting: '--temporal-port' }),
    await choosePort(options.uiPort, { host, what: 'the Temporal UI', setting: '--temporal-ui-port' }),
  ];
  const command = await findTemporalCli(options);
  const logFile = join(options.directory, 'temporal.log');
  const temporal = await startProcess({
    command,
    args: [
      ...['server', 'start-dev', '--db-filename', join(options.directory, 'temporal.db')],
      ...['--ip', host, '--port', `${port}`, '--ui-port', `${uiPort}`, '--log-level', 'error'],
      ...(options.codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', options.codecEndpoint]),
      ...dynamicConfig.flatMap((value) => ['--dynamic-config-value', value]),
      ...sqlite.flatMap((value) => ['--sqlite-pragma', value]),
    ],
    logFile,
    stopSignal: 'SIGTERM',
    stopWithinMs: 15_000,
  });
  const address = `${host}:${port}`;
  try {
    await untilItAnswers(address, temporal);
  } catch (error) {
    await temporal.stop();
    throw new RelearnError(
      'stack_failed',
      `The Temporal server did not start: ${errorMessage(error)}. Its log, ${logFile}, ends:\n${lastLines(logFile)}`,
      { cause: error },
    );
  }
  return { address, ui: `http://${host}:${uiPort}`, process: temporal };
}

async function untilItAnswers(address: string, temporal: ManagedProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (temporal.running()) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1000 });
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
  throw new Error(`it ${await temporal.exited}`);
}
