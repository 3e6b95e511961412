import type { z } from 'zod';
import type { versionResponse, versionsResponse } from '../http/version-schemas.ts';
import { approveWords, promoteWords, rejectWords, rollBackWords } from '../promote/decision-words.ts';
import { JudgementText } from './certificate.tsx';
import { Decide } from './parts.tsx';
import { placeOf } from './route.ts';
import { usePerson } from './session.ts';

type Versions = z.output<typeof versionsResponse>;
type Version = z.output<typeof versionResponse>;

interface DecisionProps {
  data: Pick<Versions, 'model' | 'champion' | 'canary'>;
  waiting: Omit<NonNullable<Versions['waiting']>, 'judgement'>;
  /** Left out where the page has it anyway. */
  judgement?: NonNullable<Versions['waiting']>['judgement'];
  /** On the version's own page nothing leads to it. */
  here?: boolean;
}

/** A candidate passed its gates, and a person decides. */
export function Decision({ data, waiting: { run, version }, judgement = null, here = false }: DecisionProps) {
  const { may } = usePerson();
  const path = `/api/runs/${encodeURIComponent(data.model)}/${run}`;
  const facts = { ...data, version };
  return (
    <section className="panel waiting" aria-label="Waits for a person">
      <h2>{version} passed its gates and waits for a person</h2>
      {judgement !== null && <JudgementText judgement={judgement} />}
      <div className="actions">
        {may('operate') ? (
          <>
            <Decide name="Approve" primary says={approveWords(facts)} path={`${path}/approve`} />
            <Decide name="Reject" says={rejectWords(facts, run)} path={`${path}/reject`} />
          </>
        ) : (
          <span className="quiet">A key with the scope operate may decide.</span>
        )}
        {!here && (
          <a href={placeOf('versions', data.model, version)}>
            See how it does beside {data.champion ?? 'the champion'}
          </a>
        )}
      </div>
    </section>
  );
}

interface RollBackProps {
  model: string;
  rollback: { from: string; to: string };
  canary: boolean;
}

export function RollBack({ model, rollback, canary }: RollBackProps) {
  const { may } = usePerson();
  if (!may('operate')) return null;
  return (
    <Decide
      name="Roll back"
      says={rollBackWords(model, rollback, canary)}
      path={`/api/models/${encodeURIComponent(model)}/rollback`}
      body={{ version: rollback.from }}
    />
  );
}

/** Lets a version serve that holds a certificate; where it may not, says why. */
export function Promote({ version: shown }: { version: Version }) {
  const { may } = usePerson();
  const { model, version, serving, state, not_promotable: refused } = shown;
  if (state === 'champion' || state === 'canary' || state === 'waiting' || state === 'under_way') return null;
  if (refused !== null) return <p className="quiet">Cannot be promoted: {refused}</p>;
  if (!may('operate')) return null;
  const path = `/api/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}/promote`;
  const says = promoteWords({ ...shown, champion: serving }, shown.comparison?.champion ?? null);
  return <Decide name="Promote" primary says={says} path={path} body={{ champion: serving }} />;
}
