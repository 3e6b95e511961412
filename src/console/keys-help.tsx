import { useRef } from 'react';
import { useShortcuts } from './keys.ts';

const reviewKeys = [
  ['Enter', 'sends the answer that is shown; untouched: the model was right'],
  ['Shift+Enter', 'the same for all rows like it'],
  ['1 – 9', 'takes a label'],
  ['e or /', 'edits the answer; Escape leaves the field'],
  ['a', 'takes the suggestion'],
  ['f', 'answers the rows like it, too'],
  ['s', 'skips: others get it'],
  ['x', 'removes: nobody answers it'],
  ['u', 'undoes what you did last'],
  ['j or n', 'shows the next card, keeps this one'],
] as const;
const fieldKeys = [
  ['Enter', 'sends the label'],
  ['↑ ↓', 'go through the labels'],
  ['Ctrl+Enter', 'sends a text'],
] as const;

/** A button, and `?`, that shows the keys. */
export function KeysHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const show = () => dialog.current?.showModal();
  useShortcuts({ '?': show });
  return (
    <>
      <button type="button" className="plain" onClick={show} aria-label="Keys" title="Keys (?)">
        <kbd>?</kbd>
      </button>
      <dialog ref={dialog} aria-labelledby="keys">
        <h2 id="keys">Keys of the review</h2>
        <KeyList keys={reviewKeys} />
        <h3>In the field</h3>
        <KeyList keys={fieldKeys} />
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}

function KeyList({ keys }: { keys: readonly (readonly [string, string])[] }) {
  return (
    <dl className="keys">
      {keys.map(([key, does]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
  );
}
