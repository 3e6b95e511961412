import type { ModelConfig } from '../config.ts';
import type { Database } from '../database.ts';
import { RelearnError, type ErrorCode } from '../errors.ts';
import type { Case, CaseSet } from '../gate/pack.ts';
import type { AskedCases } from '../gate/run-cases.ts';
import type { CaseResult } from '../gate/verdict.ts';
import { drawCases, goldPlan, nextGoldStep } from './gold-plan.ts';
import { goldHistory, storeGoldRun, type GoldRun } from './gold-runs.ts';

export interface GoldProbeOptions {
  db: Database;
  logger: { warn(fields: object, message: string): void };
  /** Asks the cases and scores the answers by their assertions. */
  score: (asked: AskedCases) => Promise<CaseResult[]>;
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

/** A case that nobody could judge counts as failed in a baseline, and is left out of a probe: neither makes drift. */
async function ask(
  { db, score, logger }: GoldProbeOptions,
  asked: Asked,
  cases: readonly Case[],
): Promise<GoldProbeResult> {
  const { model, modelVersion: version, repeats, purpose } = asked;
  const run: GoldRun = { ...asked, state: 'ok', cases: cases.length, passed: 0, failedCases: [] };
  try {
    const rates = new Map<string, (number | null)[]>(cases.map(({ id }) => [id, []]));
    for (let n = 0; n < repeats; n += 1) {
      for (const { case: id, passed, rate } of await score({ model, version, source: 'probe', cases })) {
        rates.get(id)?.push(passed === null ? null : (rate ?? Number(passed)));
      }
    }
    const judged = [...rates].filter(([, times]) => purpose === 'baseline' || !times.includes(null));
    for (const [id, times] of judged) {
      const rate = times.reduce<number>((sum, time) => sum + (time ?? 0), 0) / repeats;
      run.passed += rate;
      if (rate < 0.5) run.failedCases.push(id);
    }
    if (judged.length < cases.length) Object.assign(run, { cases: judged.length, asked: judged.map(([id]) => id) });
  } catch (error) {
    if (!(error instanceof RelearnError) || !noAnswer.has(error.code)) throw error;
    logger.warn({ model, version, code: error.code }, 'the gold set got no answer');
    Object.assign(run, { state: 'down', passed: 0, failedCases: [] });
  }
  await storeGoldRun(db, run);
  return { id: run.id, state: run.state, cases: run.cases, passed: run.passed };
}
