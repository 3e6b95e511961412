import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { labelsResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Card } from './card.tsx';
import { ClashPanel } from './clash.tsx';
import { useDesk } from './desk.ts';
import { EmptyQueue } from './empty-queue.tsx';
import { useShortcuts } from './keys.ts';
import { NameForm } from './name.tsx';
import { Failure } from './parts.tsx';
import { useQueueState, type Target } from './queue-state.ts';
import { ReviewHead } from './review-head.tsx';
import { useAsked } from './route.ts';
import { useOwnName, usePerson, useSession } from './session.ts';
import './review.css';

/** The review queue of a model, or the part of it that the address names: one card at a time, by keyboard. */
export function Review({ model }: { model: string }) {
  const { operator, may } = usePerson();
  const session = useSession();
  const ownName = useOwnName();
  const asked = useAsked().toString();
  const target = useMemo(() => readTarget(model, new URLSearchParams(asked)), [model, asked]);
  if (!may('review')) return <p className="empty">Your key may look, not review. A key with the scope review may.</p>;
  if (session.data?.keys === false && ownName === null) return <NameForm />;
  return <Queue key={`${operator}?${asked}`} target={target} operator={operator} />;
}

function readTarget(model: string, asked: URLSearchParams): Target {
  const parts = (['incident', 'tag', 'cluster'] as const).flatMap((part) => {
    const wanted = asked.get(part);
    return wanted === null ? [] : [[part, wanted] as const];
  });
  return { model, ...Object.fromEntries(parts) };
}

function Queue({ target, operator }: { target: Target; operator: string }) {
  const { model } = target;
  const desk = useDesk(target, operator);
  const state = useQueueState(target);
  const labels = useQuery({
    queryKey: ['labels', model],
    staleTime: 60_000,
    queryFn: () => get(`/api/labels?model=${encodeURIComponent(model)}`, labelsResponse),
  });
  const [held] = desk.hand;
  useShortcuts({ u: desk.undo, j: desk.turn, n: desk.turn });

  return (
    <section aria-labelledby="review">
      <ReviewHead {...{ target, operator, state: state.data }} />
      <p role="status" className="notice">
        {desk.notice}
      </p>
      {desk.clash !== null && <ClashPanel clash={desk.clash} settle={desk.settleClash} />}
      {labels.isError && <Failure error={labels.error} />}
      {state.isError && <Failure error={state.error} />}
      {held !== undefined && labels.data !== undefined ? (
        <Card key={held.lease} {...{ held, desk, labels: labels.data.labels }} />
      ) : (
        <EmptyQueue {...{ target, operator, state: desk.busy || labels.isPending ? undefined : state.data }} />
      )}
    </section>
  );
}
