import { certificateSchema, type Certificate, type Signed } from './certificate.ts';
import type { GateResult } from './decide-gate.ts';
import type { SliceResult } from './slices.ts';

const kinds = {
  incumbent: 'in production when it was configured; no gates were asked',
  first: 'the first version: absolute gates only',
  gated: 'compared with the champion of its time',
};

/** A certificate in plain words. `fault`: what is wrong with it, or null. */
export function describeCertificate(signed: Signed, fault: string | null): string {
  const certificate = certificateSchema.safeParse(signed).data;
  if (certificate !== undefined) return describe(certificate, fault);
  return `${fault === null ? 'Good' : `NOT GOOD: ${fault}`}. Its content is that of another release; --json shows it.`;
}

function describe(certificate: Certificate, fault: string | null): string {
  const { model, version, kind, passed, champion, signature } = certificate;
  const good = fault === null ? `Good: signed with key ${signature?.key ?? '–'}` : `NOT GOOD: ${fault}`;
  const facts: [string, string | null][] = [
    ['issued', certificate.issuedAt],
    ['kind', `${kind}, ${kinds[kind]}`],
    ['gates', kind === 'incumbent' ? 'none' : passed ? 'passed' : 'not passed'],
    ['champion', champion],
    ['approved by', certificate.approvedBy],
    ['model file', certificate.artifact],
    ['upstream', certificate.upstreamSha256 ?? null],
    ['dataset', certificate.dataset],
    ['manifest', certificate.manifestSha256],
    ['eval pack', describePack(certificate)],
    ['gates digest', certificate.gatesSha256],
    ['test', certificate.test],
    ['certificate', certificate.id],
  ];
  return [
    `${model} ${version}. ${good}.`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(12)} ${value}`])),
    ...certificate.slices.map((slice) => `  ${describeSlice(slice)}`),
    ...(certificate.verdict?.gates ?? []).map((gate) => `  ${describeGate(gate)}`),
  ].join('\n');
}

/** One line of a gate: `required gate passed: …`. */
export function describeGate({ required, outcome, reason }: GateResult): string {
  return `${required ? 'required' : 'advisory'} gate ${outcome.replace('_', ' ')}: ${reason}`;
}

function describePack({ packSha256, packUses }: Certificate): string | null {
  return packSha256 === null ? null : `${packSha256}, decided ${packUses ?? 0} times about this model so far`;
}

function describeSlice({ slice, cases, passed, unknown, championPassed }: SliceResult): string {
  const share = cases === 0 ? '' : ` (${((100 * passed) / cases).toFixed(1)} %)`;
  const before = championPassed === null ? '' : `, champion ${rounded(championPassed)}`;
  const open = unknown === 0 ? '' : `, ${unknown} not judged`;
  return `slice ${slice}: ${rounded(passed)} of ${cases} pass${share}${before}${open}`;
}

function rounded(value: number): string {
  return String(Number(value.toFixed(2)));
}
