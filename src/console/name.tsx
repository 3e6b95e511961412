import { useRef, useState } from 'react';
import { keepOwnName, useOwnName } from './session.ts';

/** Where no key names the reviewer, they name themselves: leases and the record need it. */
export function NameForm({ onDone }: { onDone?: () => void }) {
  const [name, setName] = useState(useOwnName() ?? '');
  return (
    <form
      className="panel name-form"
      onSubmit={(event) => {
        event.preventDefault();
        keepOwnName(name.trim());
        onDone?.();
      }}
    >
      <label htmlFor="own-name">
        <h2>Who are you?</h2>
      </label>
      <input
        {...{ id: 'own-name', autoFocus: true, required: true, maxLength: 200, pattern: '.*\\S.*', value: name }}
        autoComplete="nickname"
        onChange={({ target }) => setName(target.value)}
      />
      <p className="quiet">Your name stands beside what you correct. This browser remembers it.</p>
      <button type="submit" className="primary">
        Start
      </button>
    </form>
  );
}

/** The name that was given, and a way to give another. */
export function OwnName() {
  const name = useOwnName();
  const dialog = useRef<HTMLDialogElement>(null);
  if (name === null) return null;
  return (
    <>
      <button type="button" className="plain" onClick={() => dialog.current?.showModal()} title="Change your name">
        {name}
      </button>
      <dialog ref={dialog} aria-label="Your name">
        <NameForm onDone={() => dialog.current?.close()} />
      </dialog>
    </>
  );
}
