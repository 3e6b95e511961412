import type { Dispatcher, Pool } from 'undici';
import type { Caller } from './caller.ts';

export interface WholeResponse {
  statusCode: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/**
 * One request whose answer is read whole: without the stream, and the signal, that undici's `request` makes of each.
 * Rejects as that does, and when the caller hangs up.
 */
export function requestWhole(pool: Pool, options: Dispatcher.DispatchOptions, caller: Caller): Promise<WholeResponse> {
  return new Promise((resolve, reject) => {
    pool.dispatch(options, new WholeResponseHandler(caller, resolve, reject));
  });
}

class WholeResponseHandler implements Dispatcher.DispatchHandler {
  readonly #caller: Caller;
  readonly #resolve: (response: WholeResponse) => void;
  readonly #reject: (error: Error) => void;
  #statusCode = 0;
  #headers: WholeResponse['headers'] = {};
  #chunks: Buffer[] = [];

  constructor(caller: Caller, resolve: (response: WholeResponse) => void, reject: (error: Error) => void) {
    this.#caller = caller;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const abort = (): void => controller.abort(new Error('the caller has hung up'));
    if (this.#caller.gone) abort();
    this.#caller.onGone = abort;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: WholeResponse['headers'],
  ): void {
    this.#statusCode = statusCode;
    this.#headers = headers;
    this.#chunks = []; // an answer before the answer, such as 103, has none
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#caller.onGone = undefined;
    const [first] = this.#chunks;
    const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#resolve({ statusCode: this.#statusCode, headers: this.#headers, text: bytes.toString() });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#caller.onGone = undefined;
    this.#reject(error);
  }
}
