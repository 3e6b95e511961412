import type { z } from 'zod';
import type { versionResponse } from '../http/version-schemas.ts';
import { Badge } from './parts.tsx';

type Version = z.output<typeof versionResponse>;

/** A certificate in plain words, or why there is none. */
export function CertificateText({ version }: { version: Version }) {
  const { words } = version;
  if (words === null) return <p className="quiet">{whyNone(version)}</p>;
  return (
    <>
      <p className={`verdict ${words.state}`}>{words.headline}</p>
      {words.gates.length > 0 && (
        <details open={words.state !== 'passed'}>
          <summary>{countGates(words.gates)}</summary>
          <ul className="gates">
            {words.gates.map(({ outcome, required, says }) => (
              <li key={says}>
                <Badge state={outcome} />
                <span>
                  {says} {!required && <span className="quiet">(advisory)</span>}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      <ul className="plain quiet">
        {words.facts.map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
      </ul>
      <p className={`signature ${words.signature.state}`}>{words.signature.says}</p>
    </>
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
