import { useEffect, useRef, useState } from 'react';
import { Conversation } from './conversation.tsx';
import { forgetDraft, useDraft } from './draft.ts';
import type { Desk, Held } from './desk.ts';
import { useShortcuts } from './keys.ts';
import { Badge, Redacted, Time } from './parts.tsx';

interface CardProps {
  held: Held;
  desk: Desk;
  /** What a classifier can answer; empty for a model that writes text. */
  labels: readonly string[];
}

/** One row to correct: its prompt beside the model's answer, what may be right instead, and the rows like it. */
export function Card({ held, desk, labels }: CardProps) {
  const { card } = held;
  const [draft, setDraft] = useDraft(card.request_id);
  const [fold, setFold] = useState(false);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const head = useRef<HTMLElement>(null);
  const suggestion = card.suggestions[0];
  const answer = draft ?? card.response;
  const right = answer.trim() === card.response.trim();
  const withOthers = card.answers > 1;

  useEffect(() => head.current?.focus(), []);

  const accept = () => {
    if (answer.trim() === '') return;
    forgetDraft(card.request_id);
    desk.answer(held, right ? { right: true } : { completion: answer }, fold && withOthers);
  };
  const toggleFold = () => setFold((now) => withOthers && !now);
  const take = () => {
    if (suggestion !== undefined) setDraft(suggestion.completion);
  };
  const edit = () => {
    field.current?.focus();
    field.current?.select();
  };
  const skip = () => desk.skip(held);
  const remove = () => desk.remove(held, fold);
  useShortcuts({ Enter: accept, e: edit, a: take, f: toggleFold, s: skip, x: remove });

  const classifies = labels.length > 0;
  const fieldProps = {
    id: 'answer',
    ref: field,
    value: answer,
    onChange: ({ target }: { target: { value: string } }) => setDraft(target.value),
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.key === 'Escape') head.current?.focus();
      if (event.key === 'Enter' && (classifies || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        accept();
      }
    },
  };

  return (
    <article className="card" ref={head} tabIndex={-1} aria-label="Card" data-request={card.request_id}>
      <p className="quiet line">
        <Time at={card.ts} /> <span>{card.model_version}</span>
        {card.tags.map((tag) => (
          <Badge key={tag} state={tag} />
        ))}
        <span>
          you hold it until <Time at={held.until} />
        </span>
      </p>
      <div className="sides">
        <section>
          <h2>Prompt</h2>
          <Conversation prompt={card.prompt} />
        </section>
        <section>
          <h2>The model said</h2>
          <p className="text">
            <Redacted text={card.response} />
          </p>
          {suggestion !== undefined && (
            <div className="suggestion">
              <h2>Suggestion</h2>
              <p className="text">
                <Redacted text={suggestion.completion} />
              </p>
              <p className="quiet">
                {suggestion.source === 'stronger_model'
                  ? `a stronger model's: ${suggestion.proposer}`
                  : `${suggestion.operator} said so of a row like this`}{' '}
                <button type="button" onClick={take}>
                  Take it (a)
                </button>
              </p>
            </div>
          )}
          <label htmlFor="answer">
            <h2>Your answer</h2>
          </label>
          {classifies ? (
            <>
              <input {...fieldProps} list="labels" autoComplete="off" />
              <datalist id="labels">
                {labels.map((label) => (
                  <option key={label} value={label} />
                ))}
              </datalist>
              {!right && answer.trim() !== '' && !labels.includes(answer.trim()) && (
                <p className="warning">This is a new label.</p>
              )}
            </>
          ) : (
            <textarea {...fieldProps} rows={6} />
          )}
        </section>
      </div>
      {withOthers && (
        <section className="fold">
          <label>
            <input type="checkbox" checked={fold} onChange={toggleFold} /> Answer the {card.answers - 1} rows like it,
            too (f)
          </label>
          <ul>
            {card.others.map((other) => (
              <li key={other.request_id} className="text">
                <Redacted text={other.prompt} />
                <span className="quiet">
                  {' → '}
                  <Redacted text={other.response} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <div className="actions">
        <button type="button" className="primary" onClick={accept}>
          {right ? 'The model was right' : 'Accept'} (Enter)
        </button>
        <button type="button" onClick={edit}>
          Edit (e)
        </button>
        <button type="button" onClick={skip}>
          Skip (s)
        </button>
        <button type="button" onClick={remove}>
          Remove (x)
        </button>
        <button type="button" onClick={desk.undo}>
          Undo (u)
        </button>
      </div>
    </article>
  );
}
