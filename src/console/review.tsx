import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { labelsResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Card } from './card.tsx';
import { useDesk } from './desk.ts';
import { useShortcuts } from './keys.ts';
import { Failure } from './parts.tsx';
import { keepOwnName, ownName, usePerson, useSession } from './session.ts';

const help = [
  ['Enter', 'accept the answer that is shown'],
  ['e', 'edit the answer (Escape leaves the field)'],
  ['a', 'take the suggestion'],
  ['f', 'apply to the rows like it, or not'],
  ['s', 'skip: others may have it'],
  ['x', 'remove: nobody should answer it'],
  ['u', 'undo what you did last'],
  ['j or n', 'look at the next card, keep this one'],
  ['?', 'this list'],
] as const;

/** The review queue of a model: one card at a time, by keyboard. */
export function Review({ model }: { model: string }) {
  const { operator, may } = usePerson();
  if (!may('review')) return <p>Your key may look, not review. A key with the scope review may.</p>;
  return <Queue key={operator} model={model} operator={operator} />;
}

function Queue({ model, operator }: { model: string; operator: string }) {
  const desk = useDesk(model, operator);
  const helpDialog = useRef<HTMLDialogElement>(null);
  const labels = useQuery({
    queryKey: ['labels', model],
    staleTime: 60_000,
    queryFn: () => get(`/api/labels?model=${encodeURIComponent(model)}`, labelsResponse),
  });
  const held = desk.hand[0];
  const showHelp = () => helpDialog.current?.showModal();
  useShortcuts({ u: desk.undo, '?': showHelp, j: desk.turn, n: desk.turn });

  return (
    <section aria-labelledby="review">
      <div className="line">
        <h1 id="review">Review {model}</h1>
        {desk.progress !== null && (
          <span className="progress">
            <progress value={desk.progress.counted} max={desk.progress.wanted} aria-label="Corrected rows" />
            <b>{desk.progress.text}</b> corrected
          </span>
        )}
        <span className="quiet">{desk.waiting === null ? '' : `${desk.waiting.toLocaleString()} rows wait`}</span>
        <OwnName />
        <button type="button" onClick={showHelp}>
          Keys (?)
        </button>
      </div>
      <p role="status" className="notice">
        {desk.notice}
      </p>
      {labels.isError && <Failure error={labels.error} />}
      {held === undefined ? (
        <p className="empty">{desk.busy ? 'Looking for the next card…' : 'Nothing waits for you. Well done.'}</p>
      ) : (
        <Card key={held.lease} held={held} desk={desk} labels={labels.data?.labels ?? []} />
      )}
      <dialog ref={helpDialog} aria-labelledby="help">
        <h2 id="help">Keys</h2>
        <dl className="keys">
          {help.map(([key, does]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </section>
  );
}

/** Where no key names the reviewer, they name themselves: leases and the record need it. */
function OwnName() {
  const session = useSession();
  const [name, setName] = useState(ownName);
  if (session.data?.keys !== false) return null;
  return (
    <label>
      You are{' '}
      <input
        className="name"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
        onBlur={() => {
          const given = name.trim();
          if (given === '' || given === ownName()) return setName(ownName());
          keepOwnName(given);
          location.reload();
        }}
      />
    </label>
  );
}
