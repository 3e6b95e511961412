import type { IncidentView } from './incident.tsx';
import { Time } from './parts.tsx';

type Event = IncidentView['timeline'][number];

/** What happened, the earliest first, with who did it. */
export function Timeline({ events }: { events: readonly Event[] }) {
  return (
    <ol className="timeline">
      {events.map(({ at, kind, who, name, reason }, place) => (
        <li key={place} className={kind}>
          <div>
            <b>{titleOf(kind, name)}</b>
            {who !== null && <span> by {who}</span>}
          </div>
          {reason !== null && reason !== '' && <div>{reason}</div>}
          <div className="quiet">
            <Time at={at} />
          </div>
        </li>
      ))}
    </ol>
  );
}

function titleOf(kind: string, name: string | null): string {
  const about = (name ?? '').replaceAll('_', ' ');
  const titles: Readonly<Record<string, string>> = {
    window: `The window begins, ${about} serves`,
    detected: `Detected by ${about}`,
    detected_again: `Detected again by ${about}`,
    pinned: 'Rows of the window kept and tagged',
    first_correction: 'First correction',
    last_correction: 'Latest correction',
    retrain_started: `Retrain ${about} began`,
    retrain_ended: `Retrain ${about} ended`,
    gate: `Gate of ${about}`,
    canary: `${about} on trial beside the champion`,
    deploy: `${about} became champion`,
    promote: `${about} became champion`,
    rollback: `Rolled back to ${about}`,
    ended: `Incident ${about}`,
    note: about === 'incident retraining' ? 'Early retrain' : about,
  };
  return titles[kind] ?? kind.replaceAll('_', ' ');
}
