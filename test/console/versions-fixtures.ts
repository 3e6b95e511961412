import { followKeys } from '../../src/http/keys-follow.ts';
import { createKey, type Scope } from '../../src/http/keys.ts';
import type { ReviewSignals } from '../../src/http/review-options.ts';
import { buildReview } from '../../src/http/review.ts';
import { storeCorrections } from '../../src/correct/corrections.ts';
import type { Database } from '../../src/database.ts';
import { issueCertificate, type CertificateContent } from '../../src/gate/certificate.ts';
import { gateSchema } from '../../src/gate/config.ts';
import { storeEvalRun } from '../../src/gate/eval-runs.ts';
import { judgeCandidate } from '../../src/gate/judge.ts';
import { summariseSlices } from '../../src/gate/slices.ts';
import { storeCertificate } from '../../src/gate/stored-certificates.ts';
import { decideVerdict, type CaseResult } from '../../src/gate/verdict.ts';
import { insertRows } from '../../src/log/insert-rows.ts';
import { ensureAhead } from '../../src/log/partitions.ts';
import { deployChampion } from '../../src/promote/promotion.ts';
import { registerVersion } from '../../src/promote/registry.ts';
import { endRollout } from '../../src/promote/rollout.ts';
import type { RetrainTrigger } from '../../src/temporal.ts';
import { incumbentOf, newKeys } from '../gate/fixtures.ts';
import { memoryLogger, silentSignals, testConfig } from '../http/fixtures.ts';
import { newRow } from '../log/new-row.ts';
import { createTestDatabase } from '../stack.ts';
import { patienceMs } from '../until.ts';

const { keys: certificateKeys } = newKeys();
const artifact = 'a'.repeat(64);
const gates = ['all', 'billing', 'delivery', 'returns', 'learned/i0'].map((slice) =>
  gateSchema.parse({ slice, maxDrop: 0.05 }),
);

/** What the candidate that waits was asked, floors and budgets among it. */
const moreGates = [
  ...gates,
  ...[{ min: 0.9 }, { metric: 'latency_p95_ms', max: 50 }, { metric: 'size_mb', max: 20 }].map((gate) =>
    gateSchema.parse(gate),
  ),
];

/** Cases that a version passes, of each slice. */
function results(right: Readonly<Record<string, [passed: number, of: number]>>): CaseResult[] {
  return Object.entries(right).flatMap(([slice, [passed, of]]) =>
    Array.from({ length: of }, (_, n) => ({ case: `${slice}${n}`, slice, passed: n < passed })),
  );
}

const before = results({ billing: [360, 400], delivery: [285, 300], returns: [228, 240], 'learned/i0': [6, 60] });
const better = results({ billing: [378, 400], delivery: [288, 300], returns: [222, 240], 'learned/i0': [48, 60] });
const timed = better.map((result) => ({ ...result, latencyMs: 20 }));
const worse = results({ billing: [310, 400], delivery: [285, 300], returns: [228, 240], 'learned/i0': [50, 60] });
const few = results({ billing: [38, 40], 'learned/i0': [4, 5] });

/**
 * A model with a version of each kind behind the review API with keys: v1 incumbent, v2 champion, v3 refused and tainted,
 * v4 inconclusive, v5 taken back, v6 certified and superseded, v7 waiting. What is asked of Temporal is kept.
 */
export async function startVersionsConsole() {
  const database = await createTestDatabase();
  const { db } = database;
  await ensureAhead(db, 1);
  const { logger } = memoryLogger();
  const rollout = { approval: true, canary: { shares: [0.05, 0.25], stepMinutes: 30 } };
  const mail = { serve: { kind: 'onnx' }, rollout, evals: { pack: 'pack.jsonl', gates } };
  const config = testConfig({ models: { mail } });
  const asked: string[] = [];
  const signal: ReviewSignals = {
    ...silentSignals,
    runState: async () => ({ phase: 'approve', candidate: 'v7' }),
    decideRun: async (_model, run, decision, { by, reason }) => void asked.push(`${decision} ${run} ${by}: ${reason}`),
    rollBack: async (_model, { by, reason }) => void asked.push(`rollback ${by}: ${reason}`),
    promote: async (_model, version, { by, reason }) => void asked.push(`promote ${version} ${by}: ${reason}`),
  };
  await fillVersions(db);
  const keys = await followKeys({ db, logger, maxAgeMs: 60_000, patienceMs, pollMs: 50 });
  const app = buildReview({ config, db, logger, keys, signal, certificateKeys, queuePatienceMs: patienceMs });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    ...{ app, db, url, asked },
    makeKey: async (...scopes: Scope[]) =>
      (await createKey(db, { name: 'ann', scopes, expiresAt: null, actor: 'test' })).key,
    async close() {
      await app.close();
      await keys.close();
      await database.close();
    },
  };
}

export type VersionsConsole = Awaited<ReturnType<typeof startVersionsConsole>>;

async function fillVersions(db: Database): Promise<void> {
  const made = { model: 'mail', kind: 'onnx' as const, artifact, lowConfidenceBelow: null, metadata: {} };
  const deploy = (version: string, action: 'deploy' | 'promote', expectedToken: number, reason: string) =>
    deployChampion(db, certificateKeys, {
      model: 'mail',
      version,
      action,
      key: version,
      actor: 'ann',
      reason,
      expectedToken,
    });
  await registerVersion(db, { ...made, dataset: null, parent: null, run: null });
  await certify({ version: 'v1', artifact });
  await deploy('v1', 'deploy', 0, 'in production when configured');
  await learn();

  const drift: RetrainTrigger = { kind: 'drift', incident: 'i0' };
  await run(1, drift, 'promoted', 'v1', before, better, true);
  await deploy('v2', 'promote', 1, 'retrain run 1');
  await run(2, { kind: 'manual', by: 'bob' }, 'refused', 'v2', better, worse, true);
  await run(3, { kind: 'cadence' }, 'inconclusive', 'v2', few, few, true);
  await run(4, { kind: 'cluster', cluster: 'cluster/parcels' }, 'rolled_back', 'v2', before, better, true);
  await db.query(`insert into relearn.rollouts (model, run, version, share) values ('mail', 4, 'v5', 0.05)`);
  const reason = 'complaints 9.1 % of 220, champion 2.0 % of 4,100';
  await endRollout(db, { model: 'mail', run: 4, state: 'rolled_back', by: 'relearn', reason });
  await run(5, { kind: 'cadence' }, 'superseded', 'v1', before, better, true);
  await run(6, drift, 'running', 'v2', before, timed, false);
  await db.query(`update relearn.versions set tainted_at = now() where version = 'v3'`);

  async function certify(content: Partial<CertificateContent>): Promise<void> {
    await storeCertificate(db, issueCertificate(incumbentOf(content), certificateKeys));
  }

  async function run(
    n: number,
    trigger: RetrainTrigger,
    state: string,
    champion: string,
    champions: CaseResult[],
    own: CaseResult[],
    certified: boolean,
  ): Promise<void> {
    await db.query(
      `insert into relearn.retrain_runs (model, n, key, triggers, cutoff_seq, state) values ('mail', $1, $2, $3, 0, $4)`,
      [n, `run ${n}`, JSON.stringify([trigger]), state],
    );
    const version = await registerVersion(db, { ...made, dataset: 'd1', parent: champion, run: n });
    const key = { model: 'mail', packSha256: 'p1', fileSha256: 'f1', run: n };
    const championRun = await storeEvalRun(db, { ...key, version: champion, results: champions });
    const candidateRun = await storeEvalRun(db, { ...key, version, results: own });
    if (!certified) {
      const runs = { model: 'mail', version, championRun, candidateRun };
      await judgeCandidate(db, { ...runs, gates: moreGates, sizeOf: async () => 12.5, before: new Date() });
      return;
    }
    const verdict = decideVerdict({ gates, champion: champions, candidate: own });
    await certify({
      ...{
        version,
        kind: 'gated',
        passed: verdict.verdict === 'pass',
        artifact,
        dataset: 'd1',
        champion,
        gates,
        verdict,
      },
      ...{ slices: summariseSlices(own, champions), packUses: n, approvedBy: 'eve' },
      issuedAt: new Date(Date.UTC(2026, 4, n)).toISOString(),
    });
  }

  /** Dataset d1: rows of incident i0 that ann and bob corrected. */
  async function learn(): Promise<void> {
    await db.query(
      `insert into relearn.incidents (id, model, model_version, monitor, detected_at, window_start, state)
       values ('i0', 'mail', 'v1', 'gold', now(), now() - interval '12 hours', 'resolved')`,
    );
    const ids = Array.from({ length: 60 }, (_, n) => `r${String(n).padStart(2, '0')}`);
    await insertRows(
      db,
      ids.map((requestId) => newRow({ requestId, model: 'mail' })),
    );
    const stored = await storeCorrections(
      db,
      ids.map((requestId, n) => ({
        requestId,
        completion: 'complaint',
        operator: n < 40 ? 'ann' : 'bob',
        source: 'api',
      })),
    );
    const counts = { trainRows: 54, heldOutRows: 6, dropped: { duplicate: 0, conflict: 0, contaminated: 0 } };
    const manifest = {
      ...{ model: 'mail', run: 1, triggers: ['drift'], cutoffSeq: 0, redactor: 'relearn-redact/4', redactedAgain: 0 },
      ...{ ...counts, tags: {}, from: null, to: null, files: {} },
    };
    await db.query(`insert into relearn.datasets (id, model, path, rows, manifest) values ('d1', 'mail', '', 60, $1)`, [
      manifest,
    ]);
    await db.query(
      `insert into relearn.dataset_rows (dataset, request_id, correction_id, split, incident)
       select 'd1', *, 'i0' from unnest($1::text[], $2::text[], $3::text[])`,
      [ids, stored.map(({ id }) => id), ids.map((_, n) => (n % 10 === 9 ? 'held_out' : 'train'))],
    );
  }
}
