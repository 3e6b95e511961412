import { heartbeat } from '@temporalio/activity';

const everyMs = 2000;

/** Keeps the heartbeat going while `work` runs, so that a lost worker is noticed and a cancellation arrives. */
export async function withHeartbeat<Result>(work: () => Promise<Result>): Promise<Result> {
  heartbeat();
  const timer = setInterval(() => heartbeat(), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
