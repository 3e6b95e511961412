import type { z } from 'zod';
import type { versionsResponse } from '../http/version-schemas.ts';
import { Badge } from './parts.tsx';
import { placeOf } from './route.ts';

type Version = z.output<typeof versionsResponse>['versions'][number];

/** Where a version stands, and whether it learned from rows that were erased since. */
/** How often pages ask while a candidate is made: that it waits for a person now, Temporal knows and no event says. */
export const underWayMs = 3000;

export function Standing({
  version: { state, share, tainted_at },
}: {
  version: Pick<Version, 'state' | 'share' | 'tainted_at'>;
}) {
  return (
    <span className="line tight">
      <Badge state={state} />
      {state === 'canary' && share !== null && <span>{Math.round(share * 100)} %</span>}
      {tainted_at !== null && <Badge state="tainted" />}
    </span>
  );
}

export function CertificateBadge({ certificate }: { certificate: Version['certificate'] }) {
  if (certificate === null) return <span className="quiet">none</span>;
  if (certificate.kind === 'incumbent') return <Badge state="incumbent" />;
  return <Badge state={certificate.passed ? 'passed' : 'not_passed'} />;
}

/** What a version was made for: the run's triggers, each with its incident, cluster or person. */
export function Made({ version: { run, triggers } }: { version: Pick<Version, 'run' | 'triggers'> }) {
  if (run === null) return <span className="quiet">by hand</span>;
  const [first, ...more] = triggers;
  return (
    <>
      {first === undefined ? `run ${run}` : <Trigger trigger={first} />}
      {more.length > 0 && <span className="quiet"> and {more.length} more</span>}
    </>
  );
}

function Trigger({ trigger: { kind, incident, cluster, by } }: { trigger: Version['triggers'][number] }) {
  if (incident !== undefined) {
    return (
      <>
        {kind}, <a href={placeOf('incidents', incident)}>its incident</a>
      </>
    );
  }
  if (cluster !== undefined) return <>{cluster.replace('/', ' ')}</>;
  return <>{by === undefined ? kind : `${kind}, ${by}`}</>;
}
