import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

/** Database statements of a watch: tried for 10 minutes, then the next scheduled look takes over. */
export const quick = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '10m',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** The same for what must not be given up: an incident or a run waits out a dead database for a month. */
export const patient = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '30 days',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** As patient, where people wait for the answer: a lost worker is noticed after 2 s. */
export const answering = proxyActivities<Activities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '2s',
  retry: { initialInterval: '200ms', maximumInterval: '30s' },
});

/** Set-based work over many rows and inference over many cases: as patient; a lost worker is noticed after 10 s. */
export const bulk = proxyActivities<Activities>({
  startToCloseTimeout: '1h',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});

/** Trainers: their own queue, few at once. Ten attempts, as each may end by a killed worker. */
export const training = proxyActivities<Activities>({
  taskQueue: 'relearn-training',
  startToCloseTimeout: '12h',
  scheduleToCloseTimeout: '24h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m', maximumAttempts: 10 },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});

/** Questions to an endpoint that costs money: what one look does not manage, the next one takes up. */
export const sparing = proxyActivities<Activities>({
  startToCloseTimeout: '30m',
  scheduleToCloseTimeout: '40m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '5s', maximumAttempts: 3 },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});
