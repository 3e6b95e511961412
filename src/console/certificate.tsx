import type { z } from 'zod';
import type { versionResponse } from '../http/version-schemas.ts';
import { Badge } from './parts.tsx';

type Version = z.output<typeof versionResponse>;

/** A certificate in plain words, or why there is none and what the gates decided. */
export function CertificateText({ version }: { version: Version }) {
  const { words, judgement } = version;
  if (words === null) {
    return (
      <>
        {judgement !== null && <JudgementText judgement={judgement} />}
        <p className="quiet">{whyNone(version)}</p>
      </>
    );
  }
  return (
    <>
      <p className={`verdict ${words.state}`}>{words.headline}</p>
      <Gates gates={words.gates} open={words.state !== 'passed'} />
      <Facts facts={words.facts} />
      <p className={`signature ${words.signature.state}`}>{words.signature.says}</p>
    </>
  );
}

/** What the gates decided of a candidate, for the person who decides: each with its figures. */
export function JudgementText({ judgement }: { judgement: NonNullable<Version['judgement']> }) {
  return (
    <>
      <p className={`verdict ${judgement.state}`}>{judgement.headline}</p>
      <Gates gates={judgement.gates} open />
      <Facts facts={judgement.facts} />
    </>
  );
}

function Gates({ gates, open }: { gates: NonNullable<Version['judgement']>['gates']; open: boolean }) {
  if (gates.length === 0) return null;
  return (
    <details open={open}>
      <summary>{countGates(gates)}</summary>
      <ul className="gates">
        {gates.map(({ outcome, required, says }) => (
          <li key={says}>
            <Badge state={outcome} />
            <span>
              {says} {!required && <span className="quiet">(advisory)</span>}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Facts({ facts }: { facts: readonly string[] }) {
  return (
    <ul className="plain quiet">
      {facts.map((fact) => (
        <li key={fact}>{fact}</li>
      ))}
    </ul>
  );
}

function countGates(gates: readonly { outcome: string }[]): string {
  const passed = gates.filter(({ outcome }) => outcome === 'passed').length;
  return `${gates.length} ${gates.length === 1 ? 'gate' : 'gates'}, ${passed} passed`;
}

function whyNone({ state, run_reason: reason }: Version): string {
  if (state === 'waiting') return 'Its gates passed. The certificate is signed when a person approves.';
  if (state === 'under_way') return 'Its gates are being asked. What they decide is written here.';
  if (state === 'rejected' || state === 'expired')
    return `Its gates passed, but it was ${state}: no certificate was signed.`;
  return reason === null
    ? 'It has no certificate: its gates were never asked.'
    : `It has no certificate. Its run ended: ${reason}`;
}
