import { lastAsked } from './conversation.tsx';
import { Redacted } from './parts.tsx';
import type { Card } from './review-calls.ts';
import { Differing } from './word-diff.tsx';

interface FoldProps {
  card: Card;
  chosen: boolean;
  onToggle: () => void;
}

/** The rows like this one, what is different in them marked, and the choice to answer them at once. */
export function Fold({ card, chosen, onToggle }: FoldProps) {
  const count = card.answers - 1;
  const own = lastAsked(card.prompt);
  const unseen = count - card.others.length;
  return (
    <section className={chosen ? 'fold chosen' : 'fold'}>
      <label>
        <input type="checkbox" checked={chosen} onChange={onToggle} />
        Answer {count === 1 ? 'the row' : `the ${count} rows`} like it, too <kbd aria-hidden="true">f</kbd>
      </label>
      <ul>
        {card.others.map((other) => (
          <li key={other.request_id}>
            <span className="clamp">
              <Differing text={lastAsked(other.prompt)} from={own} />
            </span>
            {other.response !== card.response && (
              <span className="quiet">
                {' → '}
                <Redacted text={other.response.slice(0, 200)} />
              </span>
            )}
          </li>
        ))}
      </ul>
      {unseen > 0 && <p className="quiet hint">and {unseen.toLocaleString()} more like these</p>}
    </section>
  );
}
