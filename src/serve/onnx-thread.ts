import { Worker } from 'node:worker_threads';
import type { Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { unpackFailure } from '../thread-failure.ts';
import type { Answer } from './model.ts';
import type { OnnxModel } from './onnx.ts';
import type { ThreadReply, ThreadRequest } from './onnx-thread-entry.ts';

interface Waiting {
  resolve: (answers: Answer[]) => void;
  reject: (error: Error) => void;
}

type Loaded = Extract<ThreadReply, { loaded: unknown }>['loaded'];

/** Conversations in one message: an abort is seen between two of them. */
const conversationsPerRequest = 64;

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

  function request(conversations: readonly (readonly Message[])[]): Promise<Answer[]> {
    if (ended !== undefined) return Promise.reject(ended);
    requests += 1;
    const id = requests;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      thread.postMessage({ id, conversations } satisfies ThreadRequest);
    });
  }

  const loaded = await new Promise<Loaded>((resolve, reject) => {
    thread.on('message', (reply: ThreadReply) => {
      if ('loaded' in reply) return resolve(reply.loaded);
      if (!('id' in reply)) return reject(unpackFailure(reply.failure));
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('answers' in reply) asked?.resolve(reply.answers);
      else asked?.reject(unpackFailure(reply.failure));
    });
    thread.on('error', (cause) => end(stopped(version, `died: ${cause.message}`, cause)));
    thread.on('exit', (code) => {
      const error = stopped(version, `ended with exit code ${code}`);
      end(error);
      reject(error);
    });
  });

  return {
    ...loaded,
    version,
    readsRedacted: true,
    async answer(conversations, signal) {
      const answers: Answer[] = [];
      for (let at = 0; at < conversations.length; at += conversationsPerRequest) {
        signal?.throwIfAborted();
        answers.push(...(await request(conversations.slice(at, at + conversationsPerRequest))));
      }
      return answers;
    },
    async close() {
      if (ended === undefined) {
        ended = stopped(version, 'was closed');
        thread.postMessage({ close: true } satisfies ThreadRequest);
      }
      await exited;
    },
  };
}

function stopped(version: string, how: string, cause?: unknown): RelearnError {
  return new RelearnError('model_not_ready', `The thread that serves version ${version} ${how}. Load it again.`, {
    cause,
  });
}
