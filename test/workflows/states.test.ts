import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { workflowBundles } from '../../infra/bundle-workflows.ts';
import { taskQueue } from '../../src/temporal.ts';
import * as workflows from '../../workflows/index.ts';
import { model, startLoop, type Loop } from '../loop.ts';
import { temporalAddress } from '../stack.ts';

let loop: Loop;
before(async () => {
  loop = await startLoop();
});
after(() => loop.close());

const decision = { model, by: 'ann', reason: 'a test' };
const triggers = [{ kind: 'manual', by: 'ann' }];

/** What each registered workflow is started with. A new one does not compile until it is here. */
const inputs: Record<keyof typeof workflows, unknown> = {
  clusterWatch: { model },
  driftResponse: {
    ...{ model, incident: 'i1', monitor: 'gold', minCorrected: 10, graceMs: 1000 },
    deadlineAt: Date.parse('2100-01-01'),
  },
  driftWatch: { model },
  eraseUser: { userIdHash: '0123456789abcdef', by: 'ann' },
  inference: { model, prompts: 'prompts.jsonl' },
  logRetention: undefined,
  promote: { ...decision, version: 'v1' },
  requestRetrain: { model },
  retrain: { model, pending: triggers },
  retrainRun: { model, run: 1, triggers },
  rollback: decision,
  tagRules: { model },
};

const start = (type: string, input: unknown) =>
  loop.client.workflow.start(type, { taskQueue, workflowId: `${type}/${randomUUID()}`, args: [input] });

/** Runs `work` while a worker takes workflows but none of their activities: each stays at its first step. */
async function withoutActivities(work: () => Promise<void>): Promise<void> {
  const connection = await NativeConnection.connect({ address: temporalAddress() });
  const worker = await Worker.create({
    ...{ connection, namespace: loop.namespace, taskQueue },
    workflowBundle: { codePath: workflowBundles.plain },
  });
  await worker.runUntil(work);
  await connection.close();
}

const metadata = z.object({ currentDetails: z.string() });

test('every workflow answers the query `state` and says on its page where it stands, from its first step on', async () => {
  assert.deepEqual(Object.keys(workflows).sort(), Object.keys(inputs).sort());
  await withoutActivities(async () => {
    const silent: string[] = [];
    for (const [type, input] of Object.entries(inputs)) {
      const handle = await start(type, input);
      const state: unknown = await handle.query('state').catch(() => null);
      if (typeof state !== 'object' || state === null) silent.push(`${type} answers no state`);
      const said: unknown = await handle.query('__temporal_workflow_metadata');
      if (!/^\*\*.+\*\*/.test(metadata.parse(said).currentDetails)) silent.push(`${type} says nothing on its page`);
      await handle.terminate('a test');
    }
    assert.deepEqual(silent, []);
  });
});

const phaseKey = defineSearchAttributeKey('RelearnPhase', SearchAttributeType.KEYWORD);

test('what a schedule starts is listed by its last phase when it has ended, and still tells its state', async () => {
  await loop.startWorker();
  const wanted = { logRetention: 'done', requestRetrain: 'requested', tagRules: 'tagged' } as const;
  for (const [type, phase] of Object.entries(wanted)) {
    const handle = await start(type, { model });
    await handle.result();
    assert.equal((await handle.describe()).typedSearchAttributes.get(phaseKey), phase);
    assert.equal((await handle.query<{ phase: string }>('state')).phase, phase);
  }
});
