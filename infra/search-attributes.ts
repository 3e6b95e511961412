import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { errorMessage, RelearnError } from '../src/errors.ts';

/** IndexedValueType.KEYWORD of the Temporal API. */
const keyword = 2;
const searchAttributes = ['RelearnModel', 'RelearnVersion', 'RelearnTrigger', 'RelearnPhase'];

/**
 * Registers what workflows are listed by. Does nothing when they are there. A cluster hands new ones out with a delay,
 * and a workflow that names one it does not know yet fails to start, so this waits until they are listed, and keeps
 * trying for a minute. Throws `temporal_unavailable` with the command for a person to run.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      const missing = await missingAttributes(connection, namespace);
      if (missing.length === 0) return;
      const added = Object.fromEntries(missing.map((name) => [name, keyword]));
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: added });
    } catch (error) {
      if (Date.now() > deadline) throw notRegistered(namespace, error);
    }
    if (Date.now() > deadline) throw notRegistered(namespace, new Error('the server does not list them'));
    await sleep(250);
  }
}

async function missingAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return searchAttributes.filter((name) => Number(customAttributes[name]) !== keyword);
}

function notRegistered(namespace: string, cause: unknown): RelearnError {
  const flags = searchAttributes.map((name) => `--name ${name} --type Keyword`).join(' ');
  return new RelearnError(
    'temporal_unavailable',
    `The search attributes could not be registered in the namespace ${namespace}: ${errorMessage(cause)}. ` +
      `Register them with: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    { cause },
  );
}

/** Keeps what has ended for `days`: the embedded server would forget it after one. */
export async function setRetention(connection: Connection, namespace: string, days: number): Promise<void> {
  const workflowExecutionRetentionTtl = msToTs(`${days} days`);
  await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
}
