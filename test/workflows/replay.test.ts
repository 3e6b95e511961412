import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { workflowBundles } from '../../infra/bundle-workflows.ts';
import { makeDataConverter } from '../../infra/data-converter.ts';
import { readPayloadKeys } from '../../src/payload/keys.ts';

const recorded = fileURLToPath(new URL('../../../test/histories/', import.meta.url));

/** A changed step order goes through `patched`; these are of releases whose workflows may still run. */
async function* histories() {
  for (const name of await readdir(recorded)) {
    const history = historyFromJSON(JSON.parse(await readFile(join(recorded, name), 'utf8')));
    yield { workflowId: name.replace(/\.json$/, ''), history };
  }
}

for (const [name, codePath] of Object.entries(workflowBundles)) {
  test(`every recorded history, in the clear as it is, replays with the workflows of today, ${name}`, async () => {
    const replayed = new Set<string>();
    const keys = name === 'encrypting' ? readPayloadKeys(`a:${'A'.repeat(43)}=`) : [];
    const options = { workflowBundle: { codePath }, dataConverter: makeDataConverter(keys) };
    for await (const { workflowId, error } of Worker.runReplayHistories(options, histories())) {
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
}
