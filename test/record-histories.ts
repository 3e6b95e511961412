import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const directory = fileURLToPath(new URL('../../test/histories/', import.meta.url));

/**
 * With RELEARN_RECORD_HISTORIES=<name>, keeps the newest closed history of each workflow type as
 * test/histories/<type>.<name>.json, for the replay test. Do it before a release that changes a workflow.
 */
export async function recordHistories(client: Client): Promise<void> {
  const name = process.env['RELEARN_RECORD_HISTORIES'];
  if (name === undefined) return;
  await mkdir(directory, { recursive: true });
  const seen = new Set<string>();
  for await (const { workflowId, runId, type } of client.workflow.list({ query: `ExecutionStatus = 'Completed'` })) {
    if (seen.has(type)) continue;
    seen.add(type);
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    await writeFile(join(directory, `${type}.${name}.json`), `${historyToJSON(history)}\n`);
  }
}
