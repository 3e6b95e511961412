import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const directory = fileURLToPath(new URL('../../test/histories/', import.meta.url));

/** Longer ones say nothing more, and are much to keep. */
const mostEvents = 500;

/**
 * With RELEARN_RECORD_HISTORIES=<name>, keeps the longest history of each closed workflow type as
 * test/histories/<type>.<name>.json, for the replay test. Do it before a release that changes a workflow.
 */
export async function recordHistories(client: Client): Promise<void> {
  const name = process.env['RELEARN_RECORD_HISTORIES'];
  if (name === undefined) return;
  await mkdir(directory, { recursive: true });
  const longest = new Map<string, { workflowId: string; runId: string; historyLength: number }>();
  for await (const run of client.workflow.list({ query: `ExecutionStatus = 'Completed'` })) {
    const { type, historyLength } = run;
    if (historyLength <= mostEvents && historyLength > (longest.get(type)?.historyLength ?? 0)) longest.set(type, run);
  }
  for (const [type, { workflowId, runId }] of longest) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    await writeFile(join(directory, `${type}.${name}.json`), `${historyToJSON(history)}\n`);
  }
}
