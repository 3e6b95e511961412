import { useLayoutEffect, useRef, useState } from 'react';
import { Answer, Conversation } from './conversation.tsx';
import { useDraft } from './draft.ts';
import type { Desk } from './desk.ts';
import { Fold } from './fold.tsx';
import { useShortcuts, type Shortcuts } from './keys.ts';
import { likelyLabels } from './label-choices.ts';
import { LabelField } from './label-field.tsx';
import { Lease } from './lease.tsx';
import { Badge, hidesCharacters, Time } from './parts.tsx';
import type { Held } from './review-calls.ts';
import { Suggestion } from './suggestion.tsx';
import { TextField } from './text-field.tsx';

interface CardProps {
  held: Held;
  desk: Desk;
  /** What a classifier can answer; empty for a model that writes text. */
  labels: readonly string[];
}

/** One row to correct: its prompt beside the model's answer, what may be right instead, and the rows like it. */
export function Card({ held, desk, labels }: CardProps) {
  const { card } = held;
  const { response } = card;
  const [draft, setDraft, kept] = useDraft(card.request_id);
  const [fold, setFold] = useState(false);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const head = useRef<HTMLElement>(null);
  const [suggestion] = card.suggestions;
  const answer = draft ?? response;
  const right = answer.trim() === response.trim();
  const withOthers = card.answers > 1;
  const classifies = labels.length > 0;
  const suggested = card.suggestions.map(({ completion }) => completion);
  const likely = classifies ? likelyLabels({ labels, suggested, response: response.trim() }) : [];

  const leave = () => head.current?.focus({ preventScroll: true });
  useLayoutEffect(leave, []);

  const send = (text: string, all: boolean) => {
    if (text.trim() === '') return field.current?.focus();
    const asItIs = text.trim() === response.trim();
    desk.answer(held, asItIs ? { right: true } : { completion: text }, withOthers && (fold || all));
  };
  const accept = () => send(answer, false);
  const acceptAll = () => send(answer, true);
  const toggleFold = () => setFold((now) => withOthers && !now);
  const take = () => {
    if (suggestion !== undefined) setDraft(suggestion.completion);
  };
  const edit = () => {
    field.current?.focus();
    if (classifies) field.current?.select();
  };
  const skip = () => desk.skip(held);
  const remove = () => desk.remove(held, fold);
  const byNumber: Shortcuts = Object.fromEntries(likely.map((label, place) => [`${place + 1}`, () => setDraft(label)]));
  useShortcuts({
    ...{ ...byNumber, Enter: accept, 'Shift+Enter': acceptAll, a: take, f: toggleFold, s: skip, x: remove },
    ...{ e: edit, '/': edit, ArrowDown: edit },
  });
  const fieldProps = { field, answer, response, onAnswer: setDraft, onSend: send, onLeave: leave };

  return (
    <article className="card review" ref={head} tabIndex={-1} aria-label="Card" data-request={card.request_id}>
      <div className="facts-line">
        <Time at={card.ts} />
        <span>{card.model_version}</span>
        {card.response_logprob !== null && <span>{sureness(card.response_logprob, classifies)}</span>}
        {card.tags.map((tag) => (
          <Badge key={tag} state={tag} />
        ))}
        <Lease held={held} />
      </div>
      <div className="sides">
        <section>
          <h2>Prompt</h2>
          <Conversation prompt={card.prompt} />
        </section>
        <section>
          <h2>The model said</h2>
          <div className={classifies && !right ? 'said wrong' : 'said'}>
            <Answer response={response} />
          </div>
          {suggestion !== undefined && <Suggestion suggestion={suggestion} onTake={take} />}
          <h2>
            <label htmlFor="answer">Your answer</label>
            {kept && <small className="quiet"> draft kept</small>}
          </h2>
          {classifies ? (
            <LabelField {...{ ...fieldProps, labels, likely, suggested }} />
          ) : (
            <TextField {...fieldProps} />
          )}
          {hidesCharacters(answer) && <p className="warning">It holds characters that nobody sees.</p>}
        </section>
      </div>
      {withOthers && <Fold card={card} chosen={fold} onToggle={toggleFold} />}
      <div className="actions">
        <button type="button" className="primary" onClick={accept}>
          {right ? 'The model was right' : 'Send the correction'}
          {fold && withOthers ? ` for all ${card.answers}` : ''} <kbd>Enter</kbd>
        </button>
        {withOthers && !fold && (
          <button type="button" onClick={acceptAll}>
            For all {card.answers} <kbd>⇧ Enter</kbd>
          </button>
        )}
        <button type="button" onClick={edit}>
          Edit <kbd>e</kbd>
        </button>
        <button type="button" onClick={skip}>
          Skip <kbd>s</kbd>
        </button>
        <button type="button" onClick={remove}>
          Remove <kbd>x</kbd>
        </button>
        <button type="button" onClick={desk.undo}>
          Undo <kbd>u</kbd>
        </button>
      </div>
    </article>
  );
}

/** A classifier's log-probability is that of its one label; a text's is a sum, and says little by itself. */
function sureness(logprob: number, classifies: boolean): string {
  return classifies ? `${Math.round(Math.exp(logprob) * 100)} % sure` : `log-probability ${logprob.toFixed(1)}`;
}
