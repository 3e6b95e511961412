import { Ago } from './ago.tsx';
import type { IncidentView } from './incident.tsx';
import { Redacted } from './parts.tsx';
import { reviewPlace } from './route.ts';

type Regression = IncidentView['gold_cases']['regressions'][number];

const shownAtOnce = 6;

/** Cases of the gold set that fail oftener than at deployment, paired by case. */
export function Flipped({ gold: { probes, regressions, improved } }: { gold: IncidentView['gold_cases'] }) {
  if (regressions.length === 0) {
    return (
      <p className="quiet">
        {probes === 0
          ? 'The gold set was not asked in this window. With drift.gold set, cases that passed at deployment and fail now appear here.'
          : `None, in ${probes} probes.`}
      </p>
    );
  }
  const rest = regressions.slice(shownAtOnce);
  return (
    <>
      <p className="quiet">
        {regressions.length} fail oftener than at deployment, {improved} less often, in {probes} probes of the window.
        {improved >= regressions.length && ' As many got better as worse: this looks like noise.'}
      </p>
      <Cases cases={regressions.slice(0, shownAtOnce)} />
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more</summary>
          <Cases cases={rest} />
        </details>
      )}
    </>
  );
}

function Cases({ cases }: { cases: readonly Regression[] }) {
  return (
    <ul className="cases">
      {cases.map((each) => (
        <li key={each.case}>
          <div className="clip">
            {each.prompt === null ? (
              <span className="quiet">a held-out correction, or no longer in the gold set’s file</span>
            ) : (
              <Redacted text={each.prompt} />
            )}
          </div>
          <div className="quiet">
            {each.wanted !== null && <>wanted {each.wanted} · </>}
            fails {each.failed} of {each.asked}, at deployment {each.baseline_failed} of {each.baseline_asked} ·{' '}
            <code>{each.case}</code>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Groups of alike rows that wait, as the queue orders them. */
export function Clusters({ incident: { id, clusters, model } }: { incident: IncidentView }) {
  if (clusters.length === 0) {
    return <p className="quiet">Once the review queue is ordered, the groups of alike rows that wait appear here.</p>;
  }
  return (
    <ul className="cases">
      {clusters.map(({ rows, cards, terms, example }) => (
        <li key={example}>
          {terms !== null && <b>{terms}</b>}
          <div className="clip">
            <Redacted text={example} />
          </div>
          <div className="quiet">
            {rows.toLocaleString()} rows on {cards.toLocaleString()} cards ·{' '}
            <a href={reviewPlace(model, { incident: id })}>review</a>
          </div>
        </li>
      ))}
    </ul>
  );
}

export function Reviewers({ incident }: { incident: IncidentView }) {
  const { id, reviewers, disagreements, model } = incident;
  if (reviewers.length === 0) {
    return (
      <p className="quiet">
        Nobody yet. <a href={reviewPlace(model, { incident: id })}>Review its rows</a>: names, counts and disagreements
        appear here.
      </p>
    );
  }
  return (
    <>
      <div className="scroll" role="region" aria-label="Reviewers" tabIndex={0}>
        <table className="wide">
          <thead>
            <tr>
              <th>Reviewer</th>
              <th>Rows</th>
              <th>Disputed</th>
              <th>Last</th>
            </tr>
          </thead>
          <tbody>
            {reviewers.map((each) => (
              <tr key={each.operator}>
                <td>{each.operator}</td>
                <td>{each.rows.toLocaleString()}</td>
                <td>{each.disagreements.toLocaleString()}</td>
                <td className="nowrap">
                  <Ago at={each.last_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {disagreements > 0 && (
        <p className="quiet">Rows of which two people say different things: {disagreements}. The last word counts.</p>
      )}
    </>
  );
}
