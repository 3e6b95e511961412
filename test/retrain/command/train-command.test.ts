import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { redactorVersion } from '../../../src/log/redact/index.ts';
import { createCommandTrainer } from '../../../src/retrain/command/train-command.ts';
import { makeDirectory, makeRows, toExamples, trainSmallModel, writeJsonl } from '../embedded/synthetic.ts';

const never = new AbortController().signal;
const fixture = fileURLToPath(new URL('../../../../test/retrain/pipeline/fixtures/logistic.onnx', import.meta.url));

/** A trainer that is a Node program of a few lines. */
async function plan(context: TestContext, program: string, retries = 0) {
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
  const replay = await writeJsonl(join(directory, 'replayed.jsonl'), [{ messages: [] }, { messages: [] }]);
  const folder = join(directory, 'run');
  await mkdir(folder);
  const command = [process.execPath, script];
  const config = { kind: 'command' as const, base, seed: 7, command, retries, killAfterSeconds: 0.3 };
  const train = createCommandTrainer(
    config,
    { ...process.env, FIXTURE: fixture, STUBBORN: stubborn('FILE') },
    redaction,
  );
  return {
    directory,
    folder,
    train: (signal = never, onProgress: (share: number) => void = () => {}) =>
      train({ corrected, replay, calibration: [gold] }, { key: 'topics/3', folder }, onProgress, signal),
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
     fs.writeFileSync(e.RELEARN_CHECKPOINTS + '/seen', [count(e.RELEARN_BASE), count(e.RELEARN_DATASET), count(e.RELEARN_REPLAY), e.RELEARN_SEED, e.RELEARN_RUN].join(' '));
     fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT); say({ progress: 1 });`,
  );
  const progress: number[] = [];
  const trained = await train(never, (share) => progress.push(share));
  assert.deepEqual(progress, [0.5, 1]);
  // One base row is a gold case: no trainer sees it.
  assert.equal(await readFile(join(folder, 'checkpoints', 'seen'), 'utf8'), '4 1 2 7 topics/3');
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

test('one that fails by chance is started again, a bounded number of times, and finds its checkpoints', async (context) => {
  const program = `const file = e.RELEARN_CHECKPOINTS + '/starts';
     const starts = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) + 1 : 1;
     fs.writeFileSync(file, String(starts)); if (starts < 2) process.exit(1);
     fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT);`;
  const lucky = await plan(context, program, 1);
  assert.equal((await lucky.train()).kind, 'onnx');
  const hopeless = await plan(context, program.replace('starts < 2', 'true'), 1);
  await assert.rejects(hopeless.train(), { code: 'trainer_failed' });
  assert.equal(await readFile(join(hopeless.folder, 'checkpoints', 'starts'), 'utf8'), '2');
});

test('no file, a broken file and no program are told apart', async (context) => {
  await assert.rejects((await plan(context, '')).train(), { code: 'invalid_artifact', message: /wrote no file/ });
  const broken = await plan(context, `fs.writeFileSync(e.RELEARN_OUTPUT, 'no model');`);
  await assert.rejects(broken.train(), { code: 'invalid_artifact' });
  const { folder } = await plan(context, '');
  const base = await writeJsonl(join(folder, 'b.jsonl'), toExamples(makeRows('weather', 2)));
  const config = {
    kind: 'command' as const,
    base,
    seed: 1,
    command: ['no-such-program'],
    retries: 2,
    killAfterSeconds: 1,
  };
  const missing = createCommandTrainer(config, {}, redaction)(
    { calibration: [] },
    { key: 'k', folder },
    () => {},
    never,
  );
  await assert.rejects(missing, { code: 'invalid_config', message: /no-such-program cannot be started \(ENOENT\)/ });
});

/** A program of the trainer that goes on for ever, in a group of its own, and has said so in `file`. */
const stubborn = (file: string) => `import fs from 'node:fs'; process.on('SIGTERM', () => {});
  fs.writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000);`;

/** Whether the process whose id is in `file` runs. */
async function runs(file: string): Promise<boolean> {
  const pid = await readFile(file, 'utf8');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

const needsProc = { skip: existsSync('/proc') ? false : 'needs /proc' };

test('a cancelled program is killed with all it started, in groups of their own too', needsProc, async (context) => {
  const { folder, train } = await plan(
    context,
    `process.on('SIGTERM', () => {});
     for (const detached of [true, false]) {
       const file = e.RELEARN_CHECKPOINTS + '/' + detached;
       spawn(process.execPath, ['--input-type=module', '-e', e.STUBBORN.replace('FILE', file)], { detached, stdio: 'ignore' });
     }
     setInterval(() => {}, 1000);`,
  );
  const controller = new AbortController();
  const running = train(controller.signal);
  const files = ['true', 'false'].map((name) => join(folder, 'checkpoints', name));
  await until(() => files.every((file) => existsSync(file)));
  const reason = new Error('stop');
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.deepEqual(await Promise.all(files.map(runs)), [false, false]);
});

test(
  'what a killed worker left is ended before a second starts, its leader gone or not',
  needsProc,
  async (context) => {
    // Starts one that outlives it and says who it is; from then on the program is done and finds its checkpoint.
    const { folder, train } = await plan(
      context,
      `const file = e.RELEARN_CHECKPOINTS + '/left';
     if (fs.existsSync(file)) { say({ progress: 0.9 }); fs.copyFileSync(e.FIXTURE, e.RELEARN_OUTPUT); }
     else setInterval(() => {}, 1000);`,
    );
    const file = join(folder, 'checkpoints', 'left');
    const first = new AbortController();
    const running = train(first.signal);
    await until(() => existsSync(join(folder, 'program')));
    first.abort(new Error('WORKER_SHUTDOWN'));
    await assert.rejects(running);
    const env = { ...process.env, RELEARN_PROGRAM: await readFile(join(folder, 'program'), 'utf8') };
    const start = (path: string, variables: NodeJS.ProcessEnv) =>
      spawn(process.execPath, ['--input-type=module', '-e', stubborn(path)], {
        ...{ env: variables, detached: true, stdio: 'ignore' },
      });
    start(file, env);
    const stranger = join(folder, 'stranger');
    const other = start(stranger, { ...env, RELEARN_PROGRAM: 'of another run' });
    context.after(() => other.kill('SIGKILL'));
    await until(() => existsSync(file) && existsSync(stranger));
    const progress: number[] = [];
    await train(never, (share) => progress.push(share));
    assert.deepEqual(progress, [0.9]);
    assert.deepEqual(await Promise.all([file, stranger].map(runs)), [false, true]);
  },
);

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
