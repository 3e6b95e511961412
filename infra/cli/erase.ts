import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { findErasure } from '../../src/log/erase-rows.ts';
import { hashUser } from '../../src/log/hash-user.ts';
import { startErasure } from '../../src/log/start-erasure.ts';
import { connectTemporal, type Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';
import { actor } from './versions.ts';

interface Options {
  user: string;
  json?: boolean;
}

/** `erase`: a user's rows out of log, corrections and datasets. */
export function addEraseCommand(program: Command): void {
  program
    .command('erase')
    .description('erase what is kept of a user, and mark the versions that learned from it')
    .requiredOption('--user <id>', 'the user, as your application names them to the gateway')
    .option('--json', 'report as JSON')
    .action((_: unknown, command: Command) => runWith<Options>(command, erase));
}

async function erase(runtime: Runtime, { user: name, json }: Options): Promise<void> {
  const user = hashUser(await runtime.hashKey(), name);
  const { client, connection } = await connectTemporal(runtime.environment);
  const asked = new Date();
  try {
    await startErasure(client.workflow, user, actor());
  } finally {
    await connection.close();
  }
  for (;;) {
    const erasure = await findErasure(runtime.db, user);
    const { receipt = null } = erasure ?? {};
    if (erasure?.finishedAt != null && erasure.finishedAt >= asked && receipt !== null) {
      report(json, { user, ...receipt }, () =>
        [
          `Erased ${receipt.requests} requests of user ${user}.`,
          `Replaced ${receipt.datasets.length} datasets; learned from them: ${receipt.tainted.join(', ') || 'no version'}.`,
          receipt.retrains.length > 0
            ? `Retrains asked for: ${receipt.retrains.join(', ')}.`
            : receipt.tainted.length > 0
              ? 'Ask for a retrain, so that no version that learned from them serves: relearn retrain --model NAME'
              : '',
        ]
          .filter(Boolean)
          .join('\n'),
      );
      return;
    }
    await sleep(500);
  }
}
