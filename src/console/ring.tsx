import { Ago } from './ago.tsx';
import type { Model } from './overview.tsx';
import { placeOf, reviewPlace } from './route.ts';

type Step = Model['steps'][number];

const names: Readonly<Record<Step['step'], string>> = {
  log: 'Log',
  watch: 'Watch',
  correct: 'Tag & correct',
  retrain: 'Convert & retrain',
  gate: 'Gate',
  promote: 'Promote',
};
/** Degrees of a step's part of the circle, clockwise from the top. */
const part = 60;
const gap = 12;
const radius = 98;

/** Where one acts on a step. */
function pageOf(step: Step['step'], { model, incident }: Model): string {
  if (step === 'watch') return incident === null ? placeOf('incidents') : placeOf('incidents', incident.id);
  if (step === 'correct') return reviewPlace(model, incident === null ? {} : { incident: incident.id });
  return placeOf(step === 'log' ? 'log' : 'versions', model);
}

/** The loop as a circle of its six steps, each with what it counts and waits for; who serves is in its middle. */
export function Ring({ model }: { model: Model }) {
  const { steps, current } = model;
  return (
    <div className="ring">
      <div className="ring-circle">
        <svg viewBox="-120 -120 240 240" aria-hidden="true">
          {steps.map((step, place) => (
            <a key={step.step} href={pageOf(step.step, model)} tabIndex={-1}>
              <Arc step={step} place={place} isCurrent={step.step === current} />
            </a>
          ))}
          {model.challenger !== null && <Trial share={model.challenger.share} />}
        </svg>
        <Serving model={model} />
      </div>
      <ol aria-label={`The loop of ${model.model}`}>
        {steps.map(({ step, state, count, says }, place) => (
          <li key={step} className={state} aria-current={step === current ? 'step' : undefined}>
            <a href={pageOf(step, model)}>
              <span className="number" aria-hidden="true">
                {place + 1}
              </span>
              <span className="step">{names[step]}</span>
              <b>{count}</b>
              <span className="quiet">{says}</span>
            </a>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Arc({ step, place, isCurrent }: { step: Step; place: number; isCurrent: boolean }) {
  const middle = (place + 0.5) * part;
  return (
    <g className={`arc ${step.state} ${isCurrent ? 'current' : ''}`}>
      <circle
        r={radius}
        pathLength={360}
        strokeDasharray={`${part - gap} ${360 - part + gap}`}
        transform={`rotate(${place * part + gap / 2 - 90})`}
      />
      <path d="M-2.5 -5 L2.5 0 L-2.5 5" transform={`rotate(${(place + 1) * part}) translate(0 ${-radius})`} />
      <g transform={`rotate(${middle}) translate(0 ${-radius}) rotate(${-middle})`}>
        <circle className="number" r={12} />
        <text dy="0.35em">{place + 1}</text>
      </g>
    </g>
  );
}

/** How much of the traffic a challenger answers, as a part of the inner circle. */
function Trial({ share }: { share: number }) {
  return (
    <g className="trial">
      <circle r={76} />
      <circle r={76} className="share" pathLength={1} strokeDasharray={`${share} 1`} transform="rotate(-90)" />
    </g>
  );
}

function Serving({ model: { model, champion, challenger } }: { model: Model }) {
  if (champion === null) {
    return (
      <div className="serving">
        <span className="quiet">no champion yet</span>
        <a href={placeOf('versions', model)}>how it gets one</a>
      </div>
    );
  }
  return (
    <div className="serving">
      <span className="quiet">champion</span>
      <a href={placeOf('versions', model)}>{champion.version}</a>
      <span className="quiet">
        <Ago at={champion.since} />
      </span>
      {challenger !== null && (
        <span className="challenger">
          {challenger.version} answers {Math.round(challenger.share * 100)} %
        </span>
      )}
    </div>
  );
}
