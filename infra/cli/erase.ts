import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Database } from '../../src/database.ts';
import { findErasure, type ErasureReceipt } from '../../src/log/erase-rows.ts';
import { hashUser } from '../../src/log/hash-user.ts';
import { startErasure } from '../../src/log/start-erasure.ts';
import type { Runtime } from '../runtime.ts';
import { report, runWith } from './run-with.ts';
import { tellWithoutWorker, waitsForWorker } from './slow-answer.ts';
import { actor } from './versions.ts';
import { withClient } from './workflows.ts';

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
  const receipt = await withClient(runtime, async (client) => {
    const asked = new Date();
    const handle = await startErasure(client.workflow, user, actor());
    return tellWithoutWorker(waitForReceipt(runtime.db, user, asked), () => waitsForWorker(handle));
  });
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
}

async function waitForReceipt(db: Database, user: string, asked: Date): Promise<ErasureReceipt> {
  for (;;) {
    const { finishedAt = null, receipt = null } = (await findErasure(db, user)) ?? {};
    if (finishedAt !== null && finishedAt >= asked && receipt !== null) return receipt;
    await sleep(500);
  }
}
