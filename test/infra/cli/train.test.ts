import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { writeExample } from '../../../infra/cli/init.ts';
import { configSchema } from '../../../src/config.ts';
import {
  examples,
  hashKey,
  knownTopics,
  model as served,
  startLoop,
  type Loop,
  type LoopSettings,
} from '../../loop.ts';
import { temporalAddress } from '../../stack.ts';

const cli = fileURLToPath(new URL('../../../infra/cli.js', import.meta.url));

let loop: Loop;
let settings: LoopSettings;
before(async () => {
  loop = await startLoop((own) => {
    settings = own;
    for (const name of ['good', 'poor', 'compared']) own.models[name] = structuredClone(ownModel());
  });
  const rows = examples(knownTopics, 60, 40_000).map((row, n) =>
    n % 3 === 0 ? { ...row, slice: 'hard', completion: 'nothing known' } : row,
  );
  const hard = join(loop.directory, 'hard.jsonl');
  await writeFile(hard, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  gatesOf('good').push({ slice: 'learned', min: 0.8 }, { metric: 'size_mb', max: 50 });
  settings.models['poor'] = {
    ...ownModel(),
    evals: { pack: hard, gates: [{ slice: 'hard', min: 0.5, maxDrop: 0.1 }] },
  };
  settings.models['compared'] = { ...ownModel(), evals: { pack: hard, gates: [{ slice: 'hard', maxDrop: 0.1 }] } };
});
after(() => loop.close());

function ownModel() {
  const own = settings.models[served];
  assert.ok(own !== undefined);
  return own;
}

function gatesOf(model: string): object[] {
  return settings.models[model]?.evals.gates ?? [];
}

/** Runs `relearn` as a person does. */
async function relearn(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...{ NODE_OPTIONS: '', DATABASE_URL: loop.database.url, RELEARN_HASH_KEY: hashKey },
    ...{ TEMPORAL_ADDRESS: temporalAddress(), TEMPORAL_NAMESPACE: loop.namespace },
  };
  const { configPath } = loop.runtime;
  await writeFile(configPath, JSON.stringify(settings)); // JSON is YAML
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, '--config', configPath, ...options], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

async function certificatesOf(model: string) {
  return loop.database.db.query<{ kind: string; passed: boolean }>(
    `select kind, passed from relearn.certificates where model = $1 order by issued_at`,
    [model],
  );
}

async function championsOf(model: string) {
  return loop.database.db.query(`select version from relearn.deployments where model = $1`, [model]);
}

test('the first version that Relearn trains passes the absolute gates, and its certificate says so', async () => {
  const trained = await relearn('train', '--model', 'good', '--deploy');
  assert.equal(trained.code, 0, trained.stderr);
  assert.match(trained.stdout, /required gate passed: Slice all: \d+ of 120 cases pass, wanted 0\.9/);
  assert.match(trained.stdout, /It serves now\./);
  const verified = await relearn('eval', '--model', 'good', '--verify', 'v1');
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stdout, /kind +first, the first version: absolute gates only/);
  assert.match(verified.stdout, /required gate passed: Slice all, size_mb/);
  assert.deepEqual(await certificatesOf('good'), [{ kind: 'first', passed: true }]);
});

test('the example of relearn init passes its own gates', async () => {
  const folder = join(loop.directory, 'example');
  await writeExample(folder);
  const { models } = configSchema.parse(parse(await readFile(join(folder, 'relearn.yaml'), 'utf8')));
  const { retrain, evals } = models['support'] ?? {};
  assert.ok(retrain !== undefined && evals?.pack !== undefined);
  settings.models['support'] = {
    ...ownModel(),
    retrain: { trainer: { kind: 'embedded', base: join(folder, 'data/base.jsonl') } },
    evals: { pack: join(folder, 'data/eval.jsonl'), gates: evals.gates },
  };
  const trained = await relearn('train', '--model', 'support', '--deploy');
  assert.equal(trained.code, 0, trained.stdout + trained.stderr);
  assert.deepEqual(await certificatesOf('support'), [{ kind: 'first', passed: true }]);
});

test('one that fails an absolute gate is registered and not deployed, and the command says which and by what', async () => {
  const trained = await relearn('train', '--model', 'poor', '--deploy');
  assert.equal(trained.code, 1, trained.stderr);
  assert.match(trained.stdout, /required gate failed: Slice hard: 0 of 20 cases pass, wanted 0\.5/);
  assert.match(trained.stdout, /It is registered, not deployed\./);
  assert.deepEqual(await certificatesOf('poor'), [{ kind: 'first', passed: false }]);
  assert.deepEqual(await championsOf('poor'), []);
});

test('deploying it by hand asks its gates again, and another gate may let it serve', async () => {
  const deploy = () => relearn('deploy', '--model', 'poor', '--version', 'v1', '--json');
  const refused = await deploy();
  assert.equal(refused.code, 1, refused.stderr);
  const report = z.object({ deployed: z.boolean(), decision: z.object({ verdict: z.string() }) });
  assert.deepEqual(report.parse(JSON.parse(refused.stdout)), { deployed: false, decision: { verdict: 'fail' } });
  assert.deepEqual(await championsOf('poor'), []);

  Object.assign(gatesOf('poor')[0] ?? {}, { slice: 'all' });
  const deployed = await deploy();
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.deepEqual((await certificatesOf('poor')).at(-1), { kind: 'first', passed: true });
});

test('without an absolute gate nothing is asked of it', async () => {
  const trained = await relearn('train', '--model', 'compared', '--deploy', '--json');
  assert.equal(trained.code, 0, trained.stderr);
  assert.equal(z.object({ decision: z.null() }).safeParse(JSON.parse(trained.stdout)).success, true);
  assert.deepEqual(await certificatesOf('compared'), [{ kind: 'incumbent', passed: true }]);
});

test('a second version that no gate has cleared does not replace the champion', async () => {
  const trained = await relearn('train', '--model', served, '--deploy');
  assert.equal(trained.code, 1);
  assert.match(trained.stderr, /has no good gate certificate/);
});
