export { clusterWatch } from './cluster-watch.ts';
export { driftResponse } from './drift-response.ts';
export { driftWatch } from './drift-watch.ts';
export { logRetention } from './log-retention.ts';
export { requestRetrain } from './request-retrain.ts';
export { retrain } from './retrain.ts';
export { retrainRun } from './retrain-run.ts';
export { rollback } from './rollback.ts';
