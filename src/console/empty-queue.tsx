import type { QueueState, Target } from './queue-state.ts';
import { placeOf } from './route.ts';

interface EmptyQueueProps {
  target: Target;
  operator: string;
  state: QueueState | undefined;
}

/** Why there is no card, and what will bring some. */
export function EmptyQueue({ target, operator, state }: EmptyQueueProps) {
  const { model, ...part } = target;
  const holders = state?.reviewers.filter(({ operator: name, holds }) => name !== operator && holds > 0) ?? [];
  if (state === undefined) return <p className="empty">Looking for the next card…</p>;
  if (state.waiting > 0) {
    const who = holders.map(({ operator: name }) => name).join(', ');
    return (
      <section className="empty">
        <h2>Nothing for you at the moment</h2>
        <p>
          {state.waiting.toLocaleString()} {state.waiting === 1 ? 'row waits' : 'rows wait'}:{' '}
          {who === '' ? 'you skipped them within the hour.' : `${who} has them, or you skipped them within the hour.`}{' '}
          They come here by themselves.
        </p>
      </section>
    );
  }
  if (Object.keys(part).length > 0) {
    return (
      <section className="empty">
        <h2>Nothing waits here any more</h2>
        <p>
          <a href={placeOf('review', model)}>Review what else waits of {model}</a>
        </p>
      </section>
    );
  }
  return (
    <section className="empty">
      <h2>All is answered</h2>
      <p>A row of {model} comes here by itself when</p>
      <ul>
        <li>a monitor finds drift: the incident’s rows come first</li>
        <li>a user gives a thumbs-down, asks again or reports an answer</li>
        <li>the model was not sure of its answer</li>
        <li>someone tags it, or a cluster of alike failures grows</li>
      </ul>
      <p>
        <a href={placeOf('overview')}>See what the monitors say</a>
      </p>
    </section>
  );
}
