import type { ModelConfig } from '../config.ts';
import type { MonitorName } from './judgement.ts';

export type MonitorAction = ModelConfig['drift']['goldSet']['action'];

/** What a detection of this monitor does. */
export function actionOf({ drift }: Pick<ModelConfig, 'drift'>, monitor: MonitorName): MonitorAction {
  const actions: Record<MonitorName, MonitorAction> = {
    gold_set: drift.goldSet.action,
    low_confidence: drift.lowConfidence.action,
    confidence: drift.confidence.action,
    negative_feedback: drift.negativeFeedback.action,
  };
  return actions[monitor];
}
