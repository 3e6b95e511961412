import { heartbeat } from '@temporalio/activity';

const everyMs = 500;

/**
 * Keeps the heartbeat going while `work` runs, so that a lost worker is noticed and a cancellation arrives. What `work`
 * says of its progress goes along, for people to see and for the next attempt to go on from; `progress` is what the
 * attempt before had told.
 */
export async function withHeartbeat<Result>(
  work: (tell: (progress: object) => void) => Promise<Result>,
  progress: object = {},
): Promise<Result> {
  heartbeat(progress);
  const timer = setInterval(() => heartbeat(progress), everyMs);
  try {
    return await work((latest) => {
      progress = latest;
    });
  } finally {
    clearInterval(timer);
  }
}
