import { useState, type RefObject } from 'react';
import { matchLabels, mostChoices } from './label-choices.ts';
import { Redacted } from './parts.tsx';

interface LabelFieldProps {
  field: RefObject<HTMLInputElement | null>;
  answer: string;
  labels: readonly string[];
  /** Those on the number keys. */
  likely: readonly string[];
  suggested: readonly string[];
  response: string;
  onAnswer: (label: string) => void;
  onSend: (label: string, all: boolean) => void;
  onLeave: () => void;
}

/** A label by its number, by the first letters of its name, or a new one. */
export function LabelField(props: LabelFieldProps) {
  const { field, answer, labels, likely, suggested, response, onAnswer, onSend, onLeave } = props;
  const [typing, setTyping] = useState(false);
  const [active, setActive] = useState(-1);
  const typed = answer.trim();
  const isNew = typed !== '' && !labels.includes(typed) && typed !== response.trim();
  const matches = typing && typed !== '' ? matchLabels(labels, typed).slice(0, mostChoices) : likely;
  const options = typing && isNew ? [...matches, typed] : matches;

  const move = (by: number) => setActive((now) => (now + by + options.length) % options.length);
  const choose = (label: string) => {
    onAnswer(label);
    setTyping(false);
    setActive(-1);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape') onLeave();
    else if (event.key === 'Enter') onSend(options[active] ?? answer, event.shiftKey);
    else if (event.key === 'ArrowDown' && options.length > 0) move(1);
    else if (event.key === 'ArrowUp' && options.length > 0) move(active < 0 ? 0 : -1);
    else return;
    event.preventDefault();
  };

  return (
    <>
      <input
        {...{ id: 'answer', ref: field, value: answer, onKeyDown, autoComplete: 'off', spellCheck: false }}
        {...{ role: 'combobox', 'aria-expanded': true, 'aria-controls': 'labels', 'aria-autocomplete': 'list' }}
        aria-activedescendant={active < 0 ? undefined : `label-${active}`}
        onChange={({ target }) => {
          onAnswer(target.value);
          setTyping(true);
          setActive(0);
        }}
        onBlur={() => {
          setTyping(false);
          setActive(-1);
        }}
      />
      <ul id="labels" role="listbox" aria-label="Labels" className="labels">
        {options.map((label, place) => (
          <li
            {...{ key: label, id: `label-${place}`, role: 'option', 'aria-selected': label === typed && !isNew }}
            className={place === active ? 'active' : ''}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(label)}
          >
            {!typing && <kbd aria-hidden="true">{place + 1}</kbd>}
            <span className="name">
              <Redacted text={label} />
            </span>
            <small>{noteOf(label)}</small>
          </li>
        ))}
      </ul>
      {!typing && labels.length > likely.length && (
        <p className="quiet hint">
          {labels.length} labels: <kbd>e</kbd> and its first letters find any of them
        </p>
      )}
      {!typing && isNew && <p className="warning">This is a new label.</p>}
    </>
  );

  function noteOf(label: string): string {
    if (isNew && label === typed) return 'new label';
    if (label === response.trim()) return 'model’s answer';
    return suggested.includes(label) ? 'suggested' : '';
  }
}
