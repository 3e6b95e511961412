import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError } from './api.ts';
import { forgetDraft } from './draft.ts';
import { queueStateKey, type QueueState, type Target } from './queue-state.ts';
import type { Session } from './session.ts';
import { useRenewal } from './renewal.ts';
import {
  describeLoss,
  isConflict,
  readConflict,
  reviewCalls,
  type Card,
  type Conflict,
  type Given,
  type Held,
} from './review-calls.ts';

/** The card on the screen, and those fetched ahead. */
const handSize = 3;
const lookEveryMs = 5000;

const shownItem = 'relearn/shown';

/** After a reload the card that was on the screen is there again. */
function shownFirst(cards: readonly Held[]): readonly Held[] {
  const shown = sessionStorage.getItem(shownItem);
  const last = cards.find(({ card }) => card.request_id === shown);
  return last === undefined ? cards : [last, ...cards.filter((held) => held !== last)];
}

/** An answer that came second. */
export interface Clash {
  card: Card;
  mine: string;
  theirs: Conflict;
}

export interface Desk {
  hand: readonly Held[];
  /** What went wrong or was done last, for the eyes and for screen readers. */
  notice: string;
  busy: boolean;
  clash: Clash | null;
  answer: (held: Held, given: Given, all: boolean) => void;
  skip: (held: Held) => void;
  remove: (held: Held, all: boolean) => void;
  undo: () => void;
  /** Shows the next card that is held; this one stays in the hand, unless someone else has it. */
  turn: () => void;
  /** Of two answers, one's own counts, or the other one's. */
  settleClash: (mineCounts: boolean) => void;
}

/**
 * A reviewer's hand of cards. What is decided leaves the screen at once and the next card, fetched before, takes its
 * place; the server is told meanwhile, one thing after the other. A card whose answer was not delivered comes back.
 */
export function useDesk(target: Target, operator: string): Desk {
  const client = useQueryClient();
  const calls = useMemo(() => reviewCalls(operator, target), [operator, target]);
  const [hand, setHand] = useState<readonly Held[]>([]);
  const [notice, setNotice] = useState('');
  const [clashes, setClashes] = useState<readonly Clash[]>([]);
  const [pending, setPending] = useState(0);
  const current = useRef<readonly Held[]>([]);
  const chain = useRef<Promise<void>>(Promise.resolve());
  /** Leases of what was decided here and the server has not heard of: it would give them again. */
  const leaving = useRef(new Set<string>());

  const change = useCallback((next: readonly Held[]) => {
    current.current = next;
    setHand(next);
    const [shown] = next;
    if (shown !== undefined) sessionStorage.setItem(shownItem, shown.card.request_id);
  }, []);
  const without = ({ lease }: Held) => current.current.filter((held) => held.lease !== lease);
  const know = useCallback(
    (known: Partial<QueueState>) => {
      void client.cancelQueries({ queryKey: queueStateKey(target) }); // an answer on its way is of before
      client.setQueryData<QueueState>(queueStateKey(target), (before) => before && { ...before, ...known });
    },
    [client, target],
  );

  const tell = useCallback(
    (error: unknown) => {
      setNotice(error instanceof Error ? error.message : 'It failed.');
      if (error instanceof ApiError && error.status === 401) void client.invalidateQueries({ queryKey: ['session'] });
    },
    [client],
  );
  /** Things go to the server in the order in which they were done. */
  const enqueue = useCallback(
    (work: () => Promise<void>, onFailure: (error: unknown) => void | Promise<void> = tell) => {
      setPending((count) => count + 1);
      chain.current = chain.current
        .then(work)
        .catch(onFailure)
        .catch(tell)
        .finally(() => setPending((count) => count - 1));
    },
    [tell],
  );

  const topUp = useCallback(() => {
    enqueue(async () => {
      const missing = handSize - current.current.length;
      if (missing <= 0) return;
      const held = [...current.current.map(({ lease }) => lease), ...leaving.current];
      const { cards, ...known } = await calls.next(held, missing);
      change(current.current.length > 0 ? [...current.current, ...cards] : shownFirst(cards));
      know(known);
    });
  }, [calls, change, enqueue, know]);

  useEffect(() => {
    topUp();
    return () => {
      // The card on the screen is kept for who comes back; the others need not wait for that. Who signed out may not
      // give them back: they run out.
      if (client.getQueryData<Session>(['session'])?.role === null) return;
      for (const held of current.current.slice(1)) void calls.release(held).catch(() => undefined);
    };
  }, [calls, client, topUp]);

  useRenewal(current, (held) =>
    enqueue(
      async () => {
        // Behind a slow server renewals queue: the first that got through, or was refused, speaks for all.
        const now = current.current.find(({ lease }) => lease === held.lease);
        if (now === undefined || now.lost !== null || now.until > held.until) return;
        const until = await calls.renew(held);
        change(current.current.map((each) => (each.lease === held.lease ? { ...each, until } : each)));
      },
      (error) => {
        if (!isConflict(error)) return tell(error);
        const lost = describeLoss(error);
        const onScreen = current.current[0]?.lease === held.lease;
        change(onScreen ? [{ ...held, lost }, ...without(held)] : without(held));
        topUp();
      },
    ),
  );
  useEffect(() => {
    const timer = setInterval(() => {
      if (current.current.length === 0) topUp();
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, [topUp]);

  /** Takes the card off the screen and does the work behind it. */
  function settle(held: Held, done: string, work: () => Promise<void>, mine?: string): void {
    change(without(held));
    setNotice(done);
    leaving.current.add(held.lease);
    const deliver = () => work().finally(() => leaving.current.delete(held.lease));
    enqueue(deliver, async (error) => {
      // The server did not hear of it: it is still ours.
      if (!isConflict(error)) change([held, ...current.current]);
      const theirs = isConflict(error) ? await readConflict(error, held.card.request_id) : null;
      if (theirs === null || mine === undefined) return tell(error);
      setNotice(theirs.completion === mine.trim() ? `${theirs.operator} had said the same.` : '');
      if (theirs.completion === mine.trim()) return forgetDraft(held.card.request_id);
      setClashes((before) => [...before, { card: held.card, mine, theirs }]);
    });
    topUp();
  }

  return {
    ...{ hand, notice, busy: pending > 0, clash: clashes[0] ?? null },
    answer(held, given, all) {
      const { card } = held;
      const count = all ? card.answers : 1;
      const work = async () => {
        const { progress, warning, results } = await calls.answer(held, given, all);
        forgetDraft(card.request_id);
        know({ progress });
        if (results.length < count) setNotice(`Others had answered ${count - results.length} of these rows meanwhile.`);
        if (warning !== undefined) setNotice(warning);
      };
      const mine = 'right' in given ? card.response : given.completion;
      settle(held, count > 1 ? `Answered ${count} rows.` : 'Answered.', work, mine);
    },
    skip: (held) => settle(held, 'Skipped: it is for others now.', () => calls.skip(held).then(ignore)),
    remove: (held, all) =>
      settle(held, 'Taken out of the queue. U brings it back.', () => calls.remove(held, all).then(ignore)),
    undo: () =>
      enqueue(async () => {
        const { undone, cards, progress } = await calls.undo();
        change([...cards, ...current.current]);
        know({ progress });
        setNotice(`Undone: ${undone}.`);
      }),
    turn() {
      const [first, ...others] = current.current;
      if (first === undefined) return;
      change(first.lost === null ? [...others, first] : others);
      topUp();
    },
    settleClash(mineCounts) {
      const [clash, ...others] = clashes;
      setClashes(others);
      if (clash === undefined) return;
      if (!mineCounts) return forgetDraft(clash.card.request_id);
      enqueue(async () => {
        const { results } = await calls.overrule(clash.card.request_id, clash.mine);
        const refused = results[0]?.reason;
        setNotice(refused ?? 'Your answer counts: it was the last one.');
        if (refused === undefined) forgetDraft(clash.card.request_id);
      });
    },
  };
}

const ignore = () => undefined;
