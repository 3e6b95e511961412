/** Entry of the serving thread: `loadOnnxModelInThread` starts it with a path, asks, and closes it. */
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { Message } from '../chat.ts';
import { packFailure, type ThreadFailure } from '../thread-failure.ts';
import type { Answer } from './model.ts';
import { loadOnnxModel, type OnnxModel } from './onnx.ts';

export type ThreadRequest =
  | { id: number; conversations: readonly (readonly Message[])[] }
  | { id: number; texts: readonly string[] }
  | { close: true };

export type ThreadReply =
  | { loaded: Pick<OnnxModel, 'lowConfidenceBelow' | 'labels' | 'redactorVersion'>; embeds: boolean }
  | { id: number; answers: Answer[] }
  | { id: number; embeddings: Float32Array[] }
  | { id: number; failure: ThreadFailure }
  | { failure: ThreadFailure };

function post(reply: ThreadReply): void {
  parentPort?.postMessage(reply);
}

async function handle(model: OnnxModel, request: ThreadRequest): Promise<void> {
  if ('close' in request) {
    await model.close();
    parentPort?.close();
    return;
  }
  try {
    if ('texts' in request) post({ id: request.id, embeddings: (await model.embed?.(request.texts)) ?? [] });
    else post({ id: request.id, answers: await model.answer(request.conversations) });
  } catch (error) {
    post({ id: request.id, failure: packFailure(error) });
  }
}

const { path, version } = z.object({ path: z.string(), version: z.string() }).parse(workerData);
// One request after the other, so that a close waits for the answer under way.
let queue: Promise<void> = Promise.resolve();
try {
  const model = await loadOnnxModel(path, version);
  const { lowConfidenceBelow, labels, redactorVersion } = model;
  parentPort?.on('message', (request: ThreadRequest) => {
    queue = queue.then(() => handle(model, request));
  });
  post({ loaded: { lowConfidenceBelow, labels, redactorVersion }, embeds: model.embed !== undefined });
} catch (error) {
  post({ failure: packFailure(error) });
}
