import type { RefObject } from 'react';
import { WordDiff } from './word-diff.tsx';

interface TextFieldProps {
  field: RefObject<HTMLTextAreaElement | null>;
  answer: string;
  response: string;
  onAnswer: (text: string) => void;
  onSend: (text: string, all: boolean) => void;
  onLeave: () => void;
}

/** Ctrl and one of these puts Markdown's marks around what is selected. */
const marks: Readonly<Record<string, string>> = { b: '**', i: '_', e: '`' };

/** A text as Markdown source, and below it what it changes of the model's answer. It is never rendered. */
export function TextField({ field, answer, response, onAnswer, onSend, onLeave }: TextFieldProps) {
  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    const withControl = event.ctrlKey || event.metaKey;
    const mark = withControl ? marks[event.key] : undefined;
    if (event.key === 'Escape') onLeave();
    else if (event.key === 'Enter' && withControl) onSend(answer, event.shiftKey);
    else if (mark !== undefined) surround(event.currentTarget, mark);
    else return;
    event.preventDefault();
  };
  const surround = (area: HTMLTextAreaElement, mark: string) => {
    const { selectionStart: start, selectionEnd: end } = area;
    area.setRangeText(`${mark}${answer.slice(start, end)}${mark}`, start, end, 'preserve');
    area.setSelectionRange(start + mark.length, end + mark.length);
    onAnswer(area.value);
  };
  return (
    <>
      <textarea
        {...{ id: 'answer', ref: field, value: answer, rows: 6, dir: 'auto', onKeyDown }}
        onChange={({ target }) => onAnswer(target.value)}
      />
      <p className="quiet hint">
        Markdown. <kbd>Ctrl+Enter</kbd> sends; <kbd>Ctrl</kbd> with <kbd>b</kbd>, <kbd>i</kbd> or <kbd>e</kbd> sets
        bold, italic, code.
      </p>
      {answer.trim() !== response.trim() && (
        <>
          <h3>What changes</h3>
          <WordDiff before={response.trim()} after={answer.trim()} />
        </>
      )}
    </>
  );
}
