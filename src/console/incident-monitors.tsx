import type { IncidentView } from './incident.tsx';
import { Badge } from './parts.tsx';
import { percent } from './trend.tsx';

type Monitor = IncidentView['monitors'][number];
type Look = NonNullable<Monitor['then']>;

/** Each monitor at the detection and now, with how large the change is in words. */
export function Monitors({ monitors, found }: { monitors: readonly Monitor[]; found: string }) {
  if (monitors.length === 0) {
    return (
      <p className="quiet">
        {found.replaceAll('_', ' ')} is a detector of your own, and no monitor of Relearn looked in the window. Those
        that look later appear here.
      </p>
    );
  }
  return (
    <ul className="looks">
      {monitors.map(({ monitor, then, now }) => (
        <li key={monitor}>
          <div className="line">
            <b>{monitor.replaceAll('_', ' ')}</b>
            {monitor === found && <span className="quiet">found it</span>}
          </div>
          <Seen when="then" look={then} />
          {now !== null && now.at !== then?.at && <Seen when="now" look={now} />}
        </li>
      ))}
    </ul>
  );
}

function Seen({ when, look }: { when: string; look: Look | null }) {
  if (look === null) return null;
  return (
    <div className="seen">
      <span className="quiet">{when}</span>
      <Badge state={look.state} />
      <span>{look.effect === null ? look.reason : inWords(look.effect)}</span>
    </div>
  );
}

function inWords({ of, usual, now, worse, size }: NonNullable<Look['effect']>): string {
  const points = (100 * Math.abs(worse)).toLocaleString(undefined, { maximumFractionDigits: 1 });
  const moved = `${of === 'share' ? 'Share' : 'Pass rate'} ${percent(usual)} → ${percent(now)}`;
  if (points === '0') return `${moved}: no change`;
  return `${moved}: ${points} ${points === '1' ? 'point' : 'points'} ${worse > 0 ? 'worse' : 'better'}, a ${size} effect`;
}
