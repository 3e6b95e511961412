import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deployVersion, importVersion } from '../../../infra/deploy.ts';
import { getVersion } from '../../../src/promote/registry.ts';
import { makeDirectory } from '../embedded/synthetic.ts';
import { workflowId } from '../../../src/temporal.ts';
import { getIncident } from '../../../src/watch/incidents.ts';
import { isOver, reportDrift } from '../../../src/watch/report-drift.ts';
import { startDriftResponse } from '../../../src/watch/start-response.ts';
import { examples, knownTopics, model, newTopics, startLoop, textOf, type Loop } from '../../loop.ts';
import { checkPipeline, pipelineNames } from './pipelines.ts';
import { sklearnPython } from './sklearn-python.ts';

const skip = existsSync(sklearnPython) ? false : 'not installed: npm run test:sklearn';
const patient = { skip, timeout: 300_000 };
const source = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const run = promisify(execFile);

let loop: Loop;
before(async () => {
  if (skip !== false) return;
  loop = await startLoop((settings) => {
    for (const name of pipelineNames) Object.assign(settings.models, { [name]: { serve: { kind: 'onnx' } } });
    const command = [sklearnPython, source('examples/sklearn/train.py')];
    const base = join(settings.stateDir, '..', 'base.jsonl');
    Object.assign(settings.models[model]?.retrain ?? {}, { trainer: { kind: 'command', command, base } });
  });
});
after(async () => {
  if (skip === false) await loop.close();
});

async function exportFive(context: TestContext): Promise<string> {
  const folder = await makeDirectory(context);
  await run(sklearnPython, [source('test/retrain/pipeline/export_five.py'), folder]);
  return folder;
}

test('five pipelines exported now deploy and answer as scikit-learn does', patient, async (context) => {
  const folder = await exportFive(context);
  for (const name of pipelineNames) {
    await checkPipeline(folder, name, await makeDirectory(context));
    const { version, notes } = await importVersion(loop.runtime, name, join(folder, `${name}.onnx`));
    assert.ok(notes.length > 0, `${name} was rewritten, and says so`);
    await deployVersion(loop.runtime, name, version, { actor: 'test', reason: 'first' });
  }
  await loop.champions.refresh();
  for (const name of pipelineNames) {
    const messages = [{ role: 'user', content: 'pay my bill' }];
    const { text, logprob } = await loop.answerer.answer({ model: name, messages, source: 'production' });
    assert.equal(text, 'banking');
    assert.ok(logprob !== null && logprob <= 0);
  }
});

test(
  'the example trainer goes round the loop: from its base set, and then from what people corrected',
  patient,
  async () => {
    await loop.startWorker();
    await loop.send(examples(knownTopics, 150, 40_000));
    const truth = await loop.send(examples(newTopics, 80, 60_000));
    const { db } = loop.database;
    const reported = await reportDrift(
      db,
      loop.config,
      { model, event_id: 'seen', monitor: 'elsewhere' },
      { name: 'test', key: null },
    );
    assert.ok(!isOver(reported));
    const settings = loop.config.models[model];
    assert.ok(settings !== undefined);
    await startDriftResponse(loop.client.workflow, await getIncident(db, reported.incident), settings);
    const response = loop.client.workflow.getHandle(workflowId.driftResponse(model, reported.incident));
    const corrections = [...truth].map(([requestId, completion]) => ({ requestId, completion, operator: 'ann' }));
    await response.executeUpdate('submitCorrections', { args: [{ batch: 'one', corrections }] });
    await response.result();
    await loop.champions.refresh();
    assert.equal(loop.champions.get(model)?.version, 'v2');
    const messages = [{ role: 'user', content: textOf('music', 77_777) }];
    assert.equal((await loop.answerer.answer({ model, messages, source: 'production' })).text, 'music');
    const { metadata } = await getVersion(db, model, 'v2');
    assert.equal(metadata['trainer'], 'command');
  },
);
