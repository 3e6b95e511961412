import { buildReview } from '../src/http/review.ts';
import type { RunningServer } from './gateway-process.ts';
import { listen } from './listen.ts';
import type { Logger } from './logger.ts';
import { openReviewSignals } from './review-signals.ts';
import type { Runtime } from './runtime.ts';

/** Serves the review API. */
export async function startConsole(runtime: Runtime, logger: Logger, port?: number): Promise<RunningServer> {
  const { config, db } = runtime;
  const signal = openReviewSignals(runtime);
  const app = buildReview({ config, db, signal, logger });
  const stop = async () => {
    await app.close();
    await signal.close();
  };
  try {
    const { host, port: configured } = config.console;
    const at = { host, port: port ?? configured, what: 'the console', setting: 'console.port in relearn.yaml' };
    return { url: await listen(app, at), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
