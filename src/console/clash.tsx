import type { Clash } from './desk.ts';
import { useShortcuts } from './keys.ts';
import { Redacted, Time } from './parts.tsx';

const came = { answered: 'answered it first', removed: 'took it out of the queue', holds: 'has it now' } as const;

interface ClashPanelProps {
  clash: Clash;
  settle: (mineCounts: boolean) => void;
}

/** Another reviewer came first: what both said, and whose answer counts. */
export function ClashPanel({ clash: { card, mine, theirs }, settle }: ClashPanelProps) {
  const overrule = () => settle(true);
  const leave = () => settle(false);
  useShortcuts({ o: overrule, l: leave });
  return (
    <section className="clash" role="alert" aria-label="Two answers">
      <p>
        <b>The card before: {theirs.operator}</b> {came[theirs.what]}, {theirs.what === 'holds' ? 'until ' : ''}
        <Time at={theirs.at} />. <span className="quiet clamp">{card.prompt.slice(0, 200)}</span>
      </p>
      <dl>
        {theirs.completion !== undefined && (
          <div>
            <dt>{theirs.operator} said</dt>
            <dd className="text">
              <Redacted text={theirs.completion} />
            </dd>
          </div>
        )}
        <div>
          <dt>You said</dt>
          <dd className="text">
            <Redacted text={mine} />
          </dd>
        </div>
      </dl>
      <div className="actions">
        <button type="button" className="primary" onClick={overrule}>
          Mine counts <kbd>o</kbd>
        </button>
        <button type="button" onClick={leave}>
          Leave it at {theirs.operator}’s <kbd>l</kbd>
        </button>
        <span className="quiet">The last answer wins; both are kept.</span>
      </div>
    </section>
  );
}
