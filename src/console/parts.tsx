import { useMutation } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import { askedResponse } from '../http/console-schemas.ts';
import { post } from './api.ts';
import { usePerson } from './session.ts';

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function Time({ at }: { at: string }) {
  return <time dateTime={at}>{timeFormat.format(new Date(at))}</time>;
}

export function Failure({ error }: { error: Error }) {
  return (
    <p role="alert" className="failure">
      {error.message}
    </p>
  );
}

export function Badge({ state }: { state: string }) {
  return <span className={`badge ${state}`}>{state.replaceAll('_', ' ')}</span>;
}

/** Characters that no one sees, among them those that turn the order of what follows. */
const unseen = /[\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff]/;
/** What is replaced, by our redactor and by a second one: any other word in brackets is the text's own. */
const kinds =
  'SECRET|EMAIL|GOV_ID|CREDIT_CARD|IBAN|SSN|IP|PHONE|ADDRESS|PERSON|LOCATION|ORGANIZATION|NRP|DATE_TIME|URL|CRYPTO|MEDICAL_LICENSE';
const marked = new RegExp(String.raw`(\[(?:${kinds})(?:_\d+)?\]|${unseen.source})`);

export function hidesCharacters(text: string): boolean {
  return unseen.test(text);
}

/** Redacted text with its marks shown as marks. It is text: nothing in it is ever markup. */
export function Redacted({ text }: { text: string }) {
  return text.split(marked).map((part, place) => (place % 2 === 1 ? <mark key={place}>{visible(part)}</mark> : part));
}

function visible(mark: string): string {
  if (mark.startsWith('[')) return mark;
  return `U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

interface DecisionProps {
  /** The button's words. */
  name: string;
  /** What will happen, in a sentence or several. */
  says: string | readonly string[];
  path: string;
  /** Sent beside who decides and why. */
  body?: object;
  /** The word the dialog's last button says. */
  primary?: boolean;
  children?: ReactNode;
}

/** A button whose dialog says what will happen, and asks for a reason before it does. */
export function Decide({ name, says, path, body = {}, primary = false }: DecisionProps) {
  const { operator } = usePerson();
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const decide = useMutation({
    mutationFn: () => post(path, { ...body, operator, reason }, askedResponse),
    onSuccess: () => {
      setReason('');
      dialog.current?.close();
    },
  });
  const id = `why-${name.replaceAll(/\W+/g, '-')}`;
  return (
    <>
      <button type="button" className={primary ? 'primary' : ''} onClick={() => dialog.current?.showModal()}>
        {name}
      </button>
      {decide.isSuccess && <span role="status">Asked for: {name.toLowerCase()}.</span>}
      <dialog ref={dialog} aria-labelledby={`${id}-name`}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            decide.mutate();
          }}
        >
          <h2 id={`${id}-name`}>{name}</h2>
          {typeof says === 'string' ? (
            <p>{says}</p>
          ) : (
            <ul className="happens">
              {says.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          )}
          <label htmlFor={id}>Why, for the record</label>
          <input id={id} required maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />
          {decide.isError && <Failure error={decide.error} />}
          <div className="actions">
            <button type="submit" className="primary" disabled={decide.isPending}>
              {name}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
