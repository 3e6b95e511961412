import { createClusterActivities } from './clusters.ts';
import { createConvertActivities } from './convert.ts';
import { createCorrectActivities } from './correct.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createEraseActivities } from './erase.ts';
import { withFailures } from './failures.ts';
import { createGateActivities } from './gate.ts';
import { createInferBatchActivities } from './infer-batch.ts';
import { createInferActivities } from './infer.ts';
import { createLogActivities } from './log.ts';
import { createPromoteActivities } from './promote.ts';
import { createRelabelActivities } from './relabel.ts';
import { createRetrainActivities } from './retrain.ts';
import { createTagActivities } from './tag.ts';
import { createWatchActivities } from './watch.ts';

/** Every activity of Relearn, from one factory. Workflows import its type only. */
export function createActivities(dependencies: ActivityDependencies) {
  const activities = {
    ...createInferActivities(dependencies),
    ...createInferBatchActivities(dependencies),
    ...createLogActivities(dependencies),
    ...createWatchActivities(dependencies),
    ...createClusterActivities(dependencies),
    ...createTagActivities(dependencies),
    ...createCorrectActivities(dependencies),
    ...createRelabelActivities(dependencies),
    ...createConvertActivities(dependencies),
    ...createRetrainActivities(dependencies),
    ...createGateActivities(dependencies),
    ...createPromoteActivities(dependencies),
    ...createEraseActivities(dependencies),
  };
  return withFailures(activities, dependencies.logger);
}

export type Activities = ReturnType<typeof createActivities>;
