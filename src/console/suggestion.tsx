import { Redacted } from './parts.tsx';
import type { Card } from './review-calls.ts';

interface SuggestionProps {
  suggestion: Card['suggestions'][number];
  onTake: () => void;
}

/** What may be right instead, and who says so: it counts for nothing until a person says the same. */
export function Suggestion({ suggestion, onTake }: SuggestionProps) {
  return (
    <section className="suggestion" aria-label="Suggestion">
      <h3>Suggested</h3>
      <p className="text" dir="auto">
        <Redacted text={suggestion.completion} />
      </p>
      <p className="quiet hint">
        <button type="button" onClick={onTake}>
          Take it <kbd>a</kbd>
        </button>
        <span>
          <Redacted text={sourceOf(suggestion)} />
        </span>
      </p>
    </section>
  );
}

function sourceOf(suggestion: Card['suggestions'][number]): string {
  if (suggestion.source === 'nearest_correction') {
    const { operator, similarity } = suggestion;
    return `${operator} said so of a row ${Math.round(similarity * 100)} % like this one`;
  }
  const { proposer, agreed, judged } = suggestion;
  const doubts = [agreed ? '' : 'its two runs differ', judged ? '' : 'no judge has passed it'].filter(
    (doubt) => doubt !== '',
  );
  return [`by the stronger model ${proposer}`, ...doubts].join('; ');
}
