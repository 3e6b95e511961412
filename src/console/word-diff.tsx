import { diffWordsWithSpace } from 'diff';
import { useDeferredValue, useMemo } from 'react';
import { Redacted } from './parts.tsx';

/**
 * Words and blanks taken out and put in. Two long texts that differ in more would take seconds, and show nothing. Counted,
 * not timed: a busy machine shows the same.
 */
const mostChanges = 400;

/** What became of a text, word by word; null when it is not worth showing. */
function useWords(before: string, after: string) {
  return useMemo(() => diffWordsWithSpace(before, after, { maxEditLength: mostChanges }) ?? null, [before, after]);
}

/** The words that a correction takes out and puts in. */
export function WordDiff({ before, after }: { before: string; after: string }) {
  const words = useWords(before, useDeferredValue(after));
  if (words === null) return <p className="quiet">The texts have too little in common to compare.</p>;
  return (
    <p className="text diff" dir="auto">
      {words.map(({ value, added, removed }, place) => {
        const text = <Redacted text={value} />;
        if (added) return <ins key={place}>{text}</ins>;
        return removed ? <del key={place}>{text}</del> : <span key={place}>{text}</span>;
      })}
    </p>
  );
}

/** A text with the words marked that another one has not. */
export function Differing({ text, from }: { text: string; from: string }) {
  const words = useWords(from, text);
  if (words === null) return <Redacted text={text} />;
  return words.map(({ value, added, removed }, place) => {
    if (removed) return null;
    const shown = <Redacted text={value} />;
    return added ? <b key={place}>{shown}</b> : <span key={place}>{shown}</span>;
  });
}
