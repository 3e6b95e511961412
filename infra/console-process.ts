import { buildReview } from '../src/http/review.ts';
import { readCertificateKeys } from './certificate-keys.ts';
import { createPayloadCodec } from '../src/payload/codec.ts';
import type { RunningServer } from './gateway-process.ts';
import { listen } from './listen.ts';
import type { Logger } from './logger.ts';
import { openReviewSignals } from './review-signals.ts';
import type { Runtime } from './runtime.ts';
import { openServerKeys } from './server-keys.ts';
import { findUiOrigins } from './web-addresses.ts';

/** Serves the review API. Throws `keys_required` where others can reach it and there is no key. */
export async function startConsole(runtime: Runtime, logger: Logger, port?: number): Promise<RunningServer> {
  const { config, db } = runtime;
  const keys = await openServerKeys('console', { config, db, logger });
  const signal = openReviewSignals(runtime);
  const { secret, namespace, payloadKeys = [], temporalUi: url } = runtime.environment;
  const temporalUi = url === undefined ? undefined : { url, namespace };
  const certificateKeys = await readCertificateKeys(config, secret).catch(() => undefined);
  const payloads = { codec: createPayloadCodec(payloadKeys), namespace, uiOrigins: findUiOrigins(url) };
  const app = buildReview({ config, db, signal, logger, keys, temporalUi, secret, certificateKeys, payloads });
  const stop = async () => {
    await app.close();
    await signal.close();
    await keys?.close();
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
