import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { z } from 'zod';
import * as schemas from '../http/review-schemas.ts';
import { ApiError, post } from './api.ts';

export type Held = z.output<typeof schemas.nextResponse>['cards'][number];
type Progress = z.output<typeof schemas.nextResponse>['progress'];

/** The card on the screen, and one fetched ahead. */
const handSize = 2;
const renewEveryMs = 60_000;

export interface Desk {
  hand: readonly Held[];
  waiting: number | null;
  progress: Progress;
  /** What went wrong or was done last, for the eyes and for screen readers. */
  notice: string;
  busy: boolean;
  answer: (card: Held, given: { completion: string } | { right: true }, fold: boolean) => void;
  skip: (card: Held) => void;
  remove: (card: Held, fold: boolean) => void;
  undo: () => void;
  /** Shows the next card that is held; this one stays in the hand. */
  turn: () => void;
}

/**
 * A reviewer's hand of cards. What is decided leaves the screen at once and the next card, fetched before, takes its
 * place; the server is told meanwhile, one thing after the other. A card whose answer was not taken comes back.
 */
export function useDesk(model: string, operator: string): Desk {
  const client = useQueryClient();
  const [hand, setHand] = useState<readonly Held[]>([]);
  const [waiting, setWaiting] = useState<number | null>(null);
  const [progress, setProgress] = useState<Progress>(null);
  const [notice, setNotice] = useState('');
  const [pending, setPending] = useState(0);
  const current = useRef<readonly Held[]>([]);
  const chain = useRef<Promise<void>>(Promise.resolve());

  const change = useCallback((next: readonly Held[]) => {
    current.current = next;
    setHand(next);
  }, []);

  /** Things go to the server in the order in which they were done. */
  const enqueue = useCallback((work: () => Promise<void>, onFailure: (error: unknown) => void) => {
    setPending((count) => count + 1);
    chain.current = chain.current
      .then(work)
      .catch(onFailure)
      .finally(() => setPending((count) => count - 1));
  }, []);

  const tell = useCallback((error: unknown) => setNotice(error instanceof Error ? error.message : 'It failed.'), []);

  const topUp = useCallback(() => {
    enqueue(async () => {
      const missing = handSize - current.current.length;
      if (missing <= 0) return;
      const held = current.current.map(({ lease }) => lease);
      const asked = { operator, model, held, count: missing };
      const next = await post('/api/review/next', asked, schemas.nextResponse);
      const known = new Set(current.current.map(({ lease }) => lease));
      change([...current.current, ...next.cards.filter(({ lease }) => !known.has(lease))]);
      setWaiting(next.waiting);
      setProgress(next.progress);
    }, tell);
  }, [change, enqueue, model, operator, tell]);

  useEffect(topUp, [topUp]);
  useEffect(() => {
    const timer = setInterval(() => {
      for (const { lease } of current.current) {
        enqueue(
          async () => {
            await post('/api/review/renew', { operator, lease }, schemas.renewResponse);
          },
          (error) => {
            tell(error);
            if (isRefusal(error)) change(current.current.filter((held) => held.lease !== lease));
          },
        );
      }
      topUp();
    }, renewEveryMs);
    return () => clearInterval(timer);
  }, [change, enqueue, operator, tell, topUp]);

  /** Takes the card off the screen and does the work behind it. */
  function settle(card: Held, done: string, work: () => Promise<Progress | undefined>): void {
    change(current.current.filter(({ lease }) => lease !== card.lease));
    setNotice(done);
    enqueue(
      async () => {
        const now = await work();
        if (now !== undefined) setProgress(now);
        void client.invalidateQueries({ queryKey: ['live'] });
      },
      (error) => {
        tell(error);
        // Someone else has it, or the server did not hear of it: only then it is still ours.
        if (!isConflict(error)) change([card, ...current.current]);
      },
    );
    topUp();
  }

  const named = (card: Held) => ({ operator, lease: card.lease, request_id: card.card.request_id });
  return {
    ...{ hand, waiting, progress, notice, busy: pending > 0 },
    answer: (card, given, fold) =>
      settle(card, fold ? `Answered, with ${card.card.answers - 1} like it.` : 'Answered.', async () => {
        const body = { ...named(card), ...given, apply_to: fold ? 'fold' : 'row' };
        const { progress: now, warning } = await post('/api/review/answer', body, schemas.answerResponse);
        if (warning !== undefined) setNotice(warning);
        return now;
      }),
    skip: (card) =>
      settle(card, 'Skipped: it is for others now.', async () => {
        await post('/api/review/skip', named(card), schemas.actionResponse);
        return undefined;
      }),
    remove: (card, fold) =>
      settle(card, 'Taken out of the queue. U brings it back.', async () => {
        const body = { ...named(card), apply_to: fold ? 'fold' : 'row' };
        await post('/api/review/remove', body, schemas.actionResponse);
        return undefined;
      }),
    undo: () =>
      enqueue(async () => {
        const { undone, cards, progress: now } = await post('/api/review/undo', { operator }, schemas.undoResponse);
        change([...cards, ...current.current]);
        setProgress(now);
        setNotice(`Undone: ${undone}.`);
      }, tell),
    turn: () => {
      const [first, ...others] = current.current;
      if (first !== undefined && others.length > 0) change([...others, first]);
    },
  };
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'review_conflict';
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}
