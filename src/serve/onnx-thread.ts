import { Worker } from 'node:worker_threads';
import type { Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { unpackFailure } from '../thread-failure.ts';
import type { OnnxModel } from './onnx.ts';
import type { ThreadReply, ThreadRequest } from './onnx-thread-entry.ts';

type Asked = { conversations: readonly (readonly Message[])[] } | { texts: readonly string[] };
type Done = Extract<ThreadReply, { answers: unknown } | { embeddings: unknown }>;
type Loaded = Extract<ThreadReply, { loaded: unknown }>;

interface Waiting {
  resolve: (done: Done) => void;
  reject: (error: Error) => void;
}

/** Conversations, or texts to embed, in one message: an abort is seen between two of them. */
const conversationsPerRequest = 64;
const textsPerRequest = 16;

/**
 * `loadOnnxModel` in a thread of its own: session and featuriser never block this event loop. Throws `invalid_artifact`.
 * When the thread dies, answers under way and later ones reject with `model_not_ready`.
 */
export async function loadOnnxModelInThread(path: string, version: string): Promise<OnnxModel> {
  const thread = new Worker(new URL('./onnx-thread-entry.js', import.meta.url), {
    name: 'relearn-serve',
    workerData: { path, version },
  });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  const waiting = new Map<number, Waiting>();
  let ended: RelearnError | undefined;
  let requests = 0;

  function end(error: RelearnError): void {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  }

  function request(asked: Asked): Promise<Done> {
    if (ended !== undefined) return Promise.reject(ended);
    requests += 1;
    const id = requests;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      thread.postMessage({ id, ...asked } satisfies ThreadRequest);
    });
  }

  const { loaded, embeds } = await new Promise<Loaded>((resolve, reject) => {
    thread.on('message', (reply: ThreadReply) => {
      if ('loaded' in reply) return resolve(reply);
      if (!('id' in reply)) return reject(unpackFailure(reply.failure));
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('failure' in reply) asked?.reject(unpackFailure(reply.failure));
      else asked?.resolve(reply);
    });
    thread.on('error', (cause) => end(stopped(version, `died: ${cause.message}`, cause)));
    thread.on('exit', (code) => {
      const error = stopped(version, `ended with exit code ${code}`);
      end(error);
      reject(error);
    });
  });

  async function embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    return inParts(texts, textsPerRequest, signal, async (part) => {
      const done = await request({ texts: part });
      return 'embeddings' in done ? done.embeddings : [];
    });
  }

  return {
    ...loaded,
    ...(embeds ? { embed } : {}),
    version,
    readsRedacted: true,
    answer: (conversations, signal) =>
      inParts(conversations, conversationsPerRequest, signal, async (part) => {
        const done = await request({ conversations: part });
        return 'answers' in done ? done.answers : [];
      }),
    async close() {
      if (ended === undefined) {
        ended = stopped(version, 'was closed');
        thread.postMessage({ close: true } satisfies ThreadRequest);
      }
      await exited;
    },
  };
}

async function inParts<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  signal: AbortSignal | undefined,
  ask: (part: readonly Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += atOnce) {
    signal?.throwIfAborted();
    results.push(...(await ask(items.slice(at, at + atOnce))));
  }
  return results;
}

function stopped(version: string, how: string, cause?: unknown): RelearnError {
  return new RelearnError('model_not_ready', `The thread that serves version ${version} ${how}. Load it again.`, {
    cause,
  });
}
