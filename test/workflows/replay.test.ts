import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';

const recorded = fileURLToPath(new URL('../../../test/histories/', import.meta.url));
const workflowsPath = fileURLToPath(new URL('../../workflows/index.js', import.meta.url));

/** A changed step order goes through `patched`; these are of releases whose workflows may still run. */
async function* histories() {
  for (const name of await readdir(recorded)) {
    const history = historyFromJSON(JSON.parse(await readFile(join(recorded, name), 'utf8')));
    yield { workflowId: name.replace(/\.json$/, ''), history };
  }
}

test('every recorded history replays with the workflows of today', async () => {
  const replayed = new Set<string>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories())) {
    assert.equal(error, undefined, `${workflowId} does not replay: ${error?.message ?? ''}`);
    replayed.add(workflowId.split('.')[0] ?? '');
  }
  const wanted = [
    'clusterWatch',
    'driftResponse',
    'driftWatch',
    'eraseUser',
    'inference',
    'logRetention',
    'promote',
    'requestRetrain',
    'retrain',
    'retrainRun',
    'rollback',
    'tagRules',
  ];
  assert.deepEqual([...replayed].filter((name) => wanted.includes(name)).sort(), wanted);
});
