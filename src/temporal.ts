/**
 * The public names on Temporal: task queues, workflow types, ids, messages and their bodies. Pure, so that workflows,
 * clients and activities share it.
 */
export const taskQueue = 'relearn';
export const trainingTaskQueue = 'relearn-training';

export const workflowId = {
  driftResponse: (model: string, incident: string) => `drift-response/${model}/${incident}`,
  retrain: (model: string) => `retrain/${model}`,
  retrainRun: (model: string, n: number) => `retrain/${model}/${n}`,
  rollback: (model: string) => `rollback/${model}`,
  promote: (model: string) => `promote/${model}`,
  eraseUser: (userIdHash: string) => `erase-user/${userIdHash}`,
};

export const scheduleId = {
  driftWatch: (model: string) => `drift-watch/${model}`,
  clusterWatch: (model: string) => `cluster-watch/${model}`,
  retrainCadence: (model: string) => `retrain-cadence/${model}`,
  tagRules: (model: string) => `tag-rules/${model}`,
  logRetention: 'log-retention',
};

/** Temporal refuses to start what has a summary of more than 400 bytes, encrypted with all around it. */
const longestSummary = 200;
const utf8 = new TextEncoder();

/** A summary that fits, for a workflow, activity or timer. */
export function clipSummary(text: string): string {
  if (utf8.encode(text).length <= longestSummary) return text;
  const signs = Array.from(text.slice(0, longestSummary));
  while (utf8.encode(`${signs.join('')}…`).length > longestSummary) signs.pop();
  return `${signs.join('')}…`;
}

/** Signal `correction` on driftResponse, as a person or a review tool sends it. */
export interface CorrectionMessage {
  requestId: string;
  completion: string;
  operator: string;
}

/** Update `submitCorrections` on driftResponse: up to 500 corrections. */
export interface CorrectionBatch {
  batch: string;
  corrections: CorrectionMessage[];
}

/** Signal `correctionsRecorded`: ids of corrections that are stored already. */
export interface CorrectionsRecorded {
  ids: string[];
}

/** Signals `closeReview` and `retrainNow` on driftResponse; updates `approve` and `reject` on retrainRun. */
export interface Decision {
  by: string;
  reason: string;
  /** Name of the API key it came with. */
  key?: string;
}

/** Signal `trigger` on retrain. */
export interface RetrainTrigger {
  kind: 'drift' | 'cadence' | 'cluster' | 'manual';
  /** The incident of a drift trigger. */
  incident?: string;
  /** The tag of a cluster trigger. */
  cluster?: string;
  /** The person who asked. */
  by?: string;
}

/** Signal `retrainFinished` on driftResponse. */
export interface RetrainFinished {
  run: number;
  status: RetrainStatus;
  /** The version that was promoted, when one was. */
  version?: string;
  reason?: string;
}

/** How a retrain run ends. Only `promoted` changes what serves. */
export type RetrainStatus =
  | 'promoted'
  | 'refused'
  | 'inconclusive'
  | 'rejected'
  | 'rolled_back'
  | 'expired'
  | 'nothing_new'
  | 'no_gates'
  | 'superseded'
  | 'failed';
