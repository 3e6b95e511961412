import { useQuery } from '@tanstack/react-query';
import type { z } from 'zod';
import { certificateView, modelsResponse, overviewResponse } from '../http/console-schemas.ts';
import { get } from './api.ts';
import { Badge, Decide, Failure, Time } from './parts.tsx';
import { usePerson } from './session.ts';

type Version = z.output<typeof modelsResponse>['models'][number]['versions'][number];

const kinds: Readonly<Record<string, string>> = {
  incumbent: 'in production when it was configured; no gates were asked',
  first: 'the first version: absolute gates only',
  gated: 'compared with the champion of its time',
};

/** The versions of a model with their certificates, and what a person decides about them. */
export function Versions({ model }: { model: string }) {
  const { may } = usePerson();
  const models = useQuery({ queryKey: ['live', 'models'], queryFn: () => get('/api/models', modelsResponse) });
  const overview = useQuery({ queryKey: ['live', 'overview'], queryFn: () => get('/api/overview', overviewResponse) });
  if (models.isError) return <Failure error={models.error} />;
  const shown = models.data?.models.find((each) => each.model === model);
  if (shown === undefined) return <p className="quiet">Loading…</p>;
  const run = overview.data?.models.find((each) => each.model === model)?.run ?? null;
  const champion = shown.champion ?? 'the champion';
  const runPath = `/api/runs/${encodeURIComponent(model)}/${run?.n ?? 0}`;
  return (
    <>
      <h1>Versions of {model}</h1>
      {run?.phase === 'approve' && (
        <section className="panel">
          <h2>{run.candidate} passed its gates and waits for a person</h2>
          {may('operate') ? (
            <div className="actions">
              <Decide
                name="Approve"
                primary
                says={`${run.candidate ?? 'The candidate'} gets its certificate and takes the place of ${champion}, by a rollout where one is configured.`}
                path={`${runPath}/approve`}
              />
              <Decide
                name="Reject"
                says={`${champion} goes on serving. Run ${run.n} ends as rejected.`}
                path={`${runPath}/reject`}
              />
            </div>
          ) : (
            <p className="quiet">A key with the scope operate may decide.</p>
          )}
        </section>
      )}
      {shown.versions.length === 0 && <p className="empty">There is no version yet.</p>}
      {shown.versions.map((version) => (
        <VersionCard key={version.version} version={version}>
          {version.champion_since !== null && may('operate') && (
            <Decide
              name="Roll back"
              says={`The version that served before ${version.version} serves again, within seconds.`}
              path={`/api/models/${encodeURIComponent(model)}/rollback`}
            />
          )}
        </VersionCard>
      ))}
    </>
  );
}

function VersionCard({ version, children }: { version: Version; children: React.ReactNode }) {
  const { certificate } = version;
  const view = certificateView.safeParse(certificate?.content).data;
  return (
    <section className="panel" aria-label={version.version}>
      <div className="line">
        <h2>{version.version}</h2>
        {version.champion_since !== null && <Badge state="champion" />}
        {certificate === null ? (
          <span className="quiet">no certificate</span>
        ) : (
          <Badge state={certificate.kind === 'incumbent' ? 'incumbent' : certificate.passed ? 'passed' : 'failed'} />
        )}
        {children}
      </div>
      <p className="quiet">
        made <Time at={version.created_at} />
        {version.run !== null && ` by run ${version.run}`}
        {version.parent !== null && `, to replace ${version.parent}`}
        {version.dataset !== null && `, from dataset ${version.dataset.slice(0, 12)}`}
        {certificate !== null && `. Certificate: ${kinds[certificate.kind] ?? certificate.kind}`}
      </p>
      {view !== undefined && view.slices.length > 0 && (
        <div className="scroll" role="region" aria-label={`Slices of ${version.version}`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>Slice</th>
                <th>Cases</th>
                <th>Passed</th>
                <th>{view.champion ?? 'Champion'} passed</th>
              </tr>
            </thead>
            <tbody>
              {view.slices.map(({ slice, cases, passed, championPassed }) => (
                <tr key={slice}>
                  <td>{slice}</td>
                  <td>{cases}</td>
                  <td>{share(passed, cases)}</td>
                  <td>{championPassed === null ? '–' : share(championPassed, cases)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {view?.verdict != null && (
        <ul>
          {view.verdict.gates.map(({ outcome, required, reason }) => (
            <li key={reason}>
              <Badge state={outcome} /> {required ? 'required' : 'advisory'}: {reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });

function share(passed: number, cases: number): string {
  return cases === 0 ? '–' : percent.format(passed / cases);
}
