import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTimeOf } from '../../../src/retrain/command/process-group.ts';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { createCommandTrainer } from '../../../src/retrain/command/train-command.ts';
import { makeDirectory, makeRows, toExamples, trainSmallModel, writeJsonl } from '../embedded/synthetic.ts';

const never = new AbortController().signal;
const fixture = fileURLToPath(new URL('../../../../test/retrain/pipeline/fixtures/logistic.onnx', import.meta.url));

/** A trainer that is a Node program of a few lines. */
async function plan(context: TestContext, program: string) {
  const directory = await makeDirectory(context);
  const script = join(directory, 'trainer.mjs');
  const e = 'const e = process.env; const say = (o) => console.log(JSON.stringify(o));';
  await writeFile(script, `import fs from 'node:fs'; import { spawn } from 'node:child_process'; ${e}\n${program}`);
  const rows = makeRows('weather', 5);
  const base = await writeJsonl(join(directory, 'rows.jsonl'), toExamples(rows));
  const gold = await writeJsonl(join(directory, 'gold.jsonl'), toExamples(rows.slice(0, 1)));
  const corrected = await writeJsonl(join(directory, 'train.jsonl'), [
    {
      messages: [
        { role: 'user', content: 'a question' },
        { role: 'assistant', content: 'travel' },
      ],
    },
  ]);
  const folder = join(directory, 'run');
  await mkdir(folder);
  const command = [process.execPath, script];
  const config = { kind: 'command' as const, base, seed: 7, command, killAfterSeconds: 0.3 };
  const train = createCommandTrainer(config, { ...process.env, FIXTURE: fixture }, redaction);
  return {
    directory,
    folder,
    train: (signal = never, onProgress: (share: number) => void = () => {}) =>
      train({ corrected, calibration: [gold] }, { key: 'topics/3', folder }, onProgress, signal),
  };
}

const redaction = { redactorVersion: redactorVersion() };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await wait(20);
}

test('a program gets its files by name, reports progress, and its pipeline becomes a version', async (context) => {
  const { folder, train } = await plan(
    context,
    `console.log('starting'); say({ progress: 0.5 });
     const count = (file) => fs.readFileSync(file, 'utf8').trim().split('\\n').length;
     fs.writeFileSync(e.RELEARN_CHECKPOINTS + '/seen', [count(e.RELEARN_BASE), count(e.RELEARN_DATASET), e.RELEARN_SEED, e.RELEARN_RUN].join(' '));
     fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT); say({ progress: 1 });`,
  );
  const progress: number[] = [];
  const trained = await train(never, (share) => progress.push(share));
  assert.deepEqual(progress, [0.5, 1]);
  // One base row is a gold case: no trainer sees it.
  assert.equal(await readFile(join(folder, 'checkpoints', 'seen'), 'utf8'), '4 1 7 topics/3');
  assert.equal(trained.kind, 'onnx');
  assert.ok(trained.lowConfidenceBelow !== null && trained.lowConfidenceBelow < 0);
  assert.match(JSON.stringify(trained.metadata['notes']), /ZipMap dropped/);
});

test('a program may name a model that an upstream serves instead', async (context) => {
  const { train } = await plan(context, `say({ upstreamModel: 'topics-3', loraPath: '/adapters/3' });`);
  const trained = await train();
  assert.equal(trained.kind, 'upstream');
  assert.equal(trained.metadata['upstreamModel'], 'topics-3');
});

test('a program that fails says so with the redacted end of its stderr', async (context) => {
  const { train } = await plan(context, `console.error('cannot learn from jane.doe@example.com'); process.exit(3);`);
  await assert.rejects(train(), (error: Error) => {
    assert.match(error.message, /exit code 3.*\ncannot learn from \[EMAIL\]/);
    return true;
  });
});

test('no file, a broken file and no program are told apart', async (context) => {
  await assert.rejects((await plan(context, '')).train(), { code: 'invalid_artifact', message: /wrote no file/ });
  const broken = await plan(context, `fs.writeFileSync(e.RELEARN_OUTPUT, 'no model');`);
  await assert.rejects(broken.train(), { code: 'invalid_artifact' });
  const { folder } = await plan(context, '');
  const base = await writeJsonl(join(folder, 'b.jsonl'), toExamples(makeRows('weather', 2)));
  const config = { kind: 'command' as const, base, seed: 1, command: ['no-such-program'], killAfterSeconds: 1 };
  const missing = createCommandTrainer(config, {}, redaction)(
    { calibration: [] },
    { key: 'k', folder },
    () => {},
    never,
  );
  await assert.rejects(missing, { code: 'invalid_config', message: /no-such-program cannot be started \(ENOENT\)/ });
});

test('a cancelled program is killed with all it started when it does not end by itself', async (context) => {
  const { folder, train } = await plan(
    context,
    `process.on('SIGTERM', () => {});
     const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")'], { stdio: ['ignore', 'pipe', 'ignore'] });
     child.stdout.once('data', () => fs.writeFileSync(e.RELEARN_CHECKPOINTS + '/child', String(child.pid)));
     setInterval(() => {}, 1000);`,
  );
  const controller = new AbortController();
  const running = train(controller.signal);
  const file = join(folder, 'checkpoints', 'child');
  await until(() => existsSync(file));
  const reason = new Error('stop');
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.equal(await startTimeOf(Number(await readFile(file, 'utf8'))), null);
});

test('one that a killed worker left is ended before a second starts, which finds its checkpoints', async (context) => {
  const { folder, train } = await plan(
    context,
    `say({ progress: fs.existsSync(e.RELEARN_CHECKPOINTS + '/step-1') ? 0.9 : 0 }); fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT);`,
  );
  await mkdir(join(folder, 'checkpoints'));
  await writeFile(join(folder, 'checkpoints', 'step-1'), '');
  const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  const gone = once(orphan, 'exit');
  assert.ok(orphan.pid !== undefined);
  const startTime = await startTimeOf(orphan.pid);
  await writeFile(join(folder, 'program.json'), JSON.stringify({ pid: orphan.pid, startTime }));
  const progress: number[] = [];
  await train(never, (share) => progress.push(share));
  assert.deepEqual(progress, [0.9]);
  await gone;
});

test('a stranger who got the id of the last program lives', async (context) => {
  const { folder, train } = await plan(context, `fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT);`);
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  context.after(() => stranger.kill('SIGKILL'));
  await writeFile(join(folder, 'program.json'), JSON.stringify({ pid: stranger.pid, startTime: '1' }));
  await train();
  assert.ok(stranger.pid !== undefined && (await startTimeOf(stranger.pid)) !== null);
});

test('a model in the format of Relearn is served as it is', async (context) => {
  const { directory, train } = await plan(
    context,
    `fs.copyFileSync(new URL('own.onnx', import.meta.url), e.RELEARN_OUTPUT);`,
  );
  const small = await trainSmallModel(directory);
  await writeFile(join(directory, 'own.onnx'), await readFile(small));
  const trained = await train();
  assert.equal(trained.kind === 'onnx' && trained.file.endsWith('output.onnx'), true);
});
