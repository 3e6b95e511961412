import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { RelearnError } from '../../src/errors.ts';
import { waitFor } from './patience.ts';
import type { TrafficRow } from './story.ts';

const inFlight = 8;
const chatAnswer = z.object({ response: z.string(), request_id: z.string() });

/** One answered request. */
export interface Answered {
  truth: string;
  response: string;
  /** Epoch milliseconds. */
  at: number;
}

export interface Production {
  /** What was answered, by request id. */
  readonly answered: ReadonlyMap<string, Answered>;
  /** Sends the rows in order, eight in flight, `perSecond` at most. `user` names who asks the nth. */
  send(rows: readonly TrafficRow[], options: { perSecond: number; user: (index: number) => string }): Promise<void>;
  close(): Promise<void>;
}

/** The demo's users: they ask the gateway over HTTP, and ask again when it is away for a moment. */
export function openProduction(gateway: string, model: string, signal: AbortSignal): Production {
  const pool = new Pool(gateway, { connections: inFlight });
  const answered = new Map<string, Answered>();

  async function ask({ prompt, truth }: TrafficRow, user: string): Promise<void> {
    const answer = await waitFor({ what: 'the gateway to answer', timeoutMs: 120_000, signal }, async () => {
      const { statusCode, body } = await pool.request({
        ...{ method: 'POST', path: '/chat', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ prompt, model, user_id: user }),
        headersTimeout: 10_000,
      });
      const text = await body.text();
      if (statusCode === 200) return chatAnswer.parse(JSON.parse(text));
      throw new RelearnError('stack_failed', `The gateway answered ${statusCode}: ${text.slice(0, 300)}`);
    });
    answered.set(answer.request_id, { truth, response: answer.response, at: Date.now() });
  }

  return {
    answered,
    async send(rows, { perSecond, user }) {
      const started = performance.now();
      let next = 0;
      const askInTurn = async () => {
        for (let index = next++; index < rows.length; index = next++) {
          const early = (index / perSecond) * 1000 - (performance.now() - started);
          if (early > 0) await sleep(early, undefined, { signal });
          const row = rows[index];
          if (row !== undefined) await ask(row, user(index));
        }
      };
      await Promise.all(Array.from({ length: inFlight }, askInTurn));
    },
    close: () => pool.close(),
  };
}
