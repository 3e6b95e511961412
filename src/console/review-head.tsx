import type { QueueState, Target } from './queue-state.ts';
import { placeOf } from './route.ts';

interface ReviewHeadProps {
  target: Target;
  operator: string;
  state: QueueState | undefined;
}

/** What is reviewed, how far it is, and who else is at it. */
export function ReviewHead({ target, operator, state }: ReviewHeadProps) {
  const { model, incident, tag, cluster } = target;
  const progress = progressOf(target, state);
  const others = state?.reviewers.filter((reviewer) => reviewer.operator !== operator) ?? [];
  const own = state?.reviewers.find((reviewer) => reviewer.operator === operator)?.answered ?? 0;
  const part =
    (cluster !== undefined && `cluster ${state?.cluster?.name ?? cluster}`) ||
    (incident !== undefined && `incident ${incident}`) ||
    (tag !== undefined && `tag ${tag}`);
  return (
    <div className="review-head">
      <h1 id="review">Review {model}</h1>
      {part !== false && (
        <span className="badge">
          only {part} <a href={placeOf('review', model)}>review everything</a>
        </span>
      )}
      {progress !== null && (
        <span className="progress">
          <progress value={progress.done} max={progress.wanted} aria-label="Corrected rows" />
          <span>
            <b>
              {progress.done} of {progress.wanted}
            </b>{' '}
            corrected
          </span>
        </span>
      )}
      <span className="quiet">
        {state !== undefined && `${state.waiting.toLocaleString()} ${state.waiting === 1 ? 'row waits' : 'rows wait'}`}
        {own > 0 && ` · ${own} by you this hour`}
      </span>
      {others.length > 0 && (
        <ul className="reviewers" aria-label="Others who review">
          {others.map(({ operator: name, holds, answered }) => (
            <li key={name} className={holds > 0 ? 'here' : ''}>
              <bdi>{name}</bdi> <small>{holds > 0 ? 'reviews now' : `${answered} this hour`}</small>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function progressOf({ incident, cluster }: Target, state: QueueState | undefined) {
  if (cluster !== undefined) {
    return state?.cluster ? { done: state.cluster.corrected, wanted: state.cluster.wanted } : null;
  }
  const open = state?.progress ?? null;
  if (open === null || (incident !== undefined && incident !== open.incident)) return null;
  return { done: open.counted, wanted: open.wanted };
}
