import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError, type ErrorCode } from '../errors.ts';
import { runCases, type Case, type CaseSet } from '../gate/run-cases.ts';
import type { Answerer } from '../serve/answer.ts';
import { drawCases, goldPlan, nextGoldStep } from './gold-plan.ts';
import { goldHistory, storeGoldRun, type GoldRun } from './gold-runs.ts';

export interface GoldProbeOptions {
  db: Database;
  answerer: Pick<Answerer, 'answerBatch'>;
  logger: { warn(fields: object, message: string): void };
  signal: AbortSignal;
}

export interface GoldProbe {
  model: string;
  version: string;
  gold: CaseSet;
  settings: ModelConfig;
  /** Names this look: a step that runs twice draws the same cases and stores one run. */
  id: string;
  /** Asked for by hand, or to confirm: whether it is due or not. */
  now: boolean;
}

export type GoldProbeResult = Pick<GoldRun, 'id' | 'state' | 'cases' | 'passed'>;

/** What an endpoint that does not answer ends in; anything else is a fault of ours or of the set. */
const noAnswer = new Set<ErrorCode>(['upstream_failed', 'upstream_busy', 'upstream_timeout', 'model_not_ready']);

/**
 * Asks the serving version its gold set: the baseline after a deployment, then a probe whenever one is due. Null when
 * none is. An endpoint that does not answer is stored as `down`.
 */
export async function probeGoldSet(options: GoldProbeOptions, probe: GoldProbe): Promise<GoldProbeResult | null> {
  const { model, version, gold, settings, id, now } = probe;
  const plan = goldPlan(settings);
  const key = { model, modelVersion: version, goldSha256: gold.sha256 };
  const history = await goldHistory(options.db, key, id);
  const step = nextGoldStep(history, plan, now);
  if (step === 'wait') return null;
  if (step === 'probe') {
    const cases = drawCases(gold.cases, plan.cases, id);
    const asked = cases.length === gold.cases.length ? null : cases.map((one) => one.id);
    return ask(options, { ...key, id, purpose: 'probe', repeats: plan.repeats, asked }, cases);
  }
  let last: GoldProbeResult | null = null;
  for (let n = 0; n < step.baseline && last?.state !== 'down'; n += 1) {
    const run = {
      ...key,
      id: `${id}-${history.baselineRuns + n}`,
      purpose: 'baseline',
      repeats: 1,
      asked: null,
    } as const;
    last = await ask(options, run, gold.cases);
  }
  return last;
}

type Asked = Omit<GoldRun, 'state' | 'cases' | 'passed' | 'failedCases'>;

async function ask(
  { db, answerer, logger, signal }: GoldProbeOptions,
  asked: Asked,
  cases: readonly Case[],
): Promise<GoldProbeResult> {
  const { model, modelVersion: version, repeats } = asked;
  const run: GoldRun = { ...asked, state: 'ok', cases: cases.length, passed: 0, failedCases: [] };
  try {
    const passes = new Map<string, number>(cases.map(({ id }) => [id, 0]));
    for (let n = 0; n < repeats; n += 1) {
      const results = await runCases(answerer, { model, version, source: 'probe', cases }, signal);
      for (const { case: id, passed } of results) if (passed) passes.set(id, (passes.get(id) ?? 0) + 1);
    }
    for (const [id, times] of passes) {
      run.passed += times / repeats;
      if (times < repeats / 2) run.failedCases.push(id);
    }
  } catch (error) {
    if (!(error instanceof RelearnError) || !noAnswer.has(error.code)) throw error;
    logger.warn({ model, version, code: error.code }, 'the gold set got no answer');
    Object.assign(run, { state: 'down', passed: 0, failedCases: [] });
  }
  await storeGoldRun(db, run);
  return { id: run.id, state: run.state, cases: run.cases, passed: run.passed };
}
