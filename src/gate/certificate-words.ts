import type { Certificate } from './certificate.ts';
import { gateWords, type GateWords } from './gate-words.ts';
import type { GateJudgement } from './judgements.ts';

/** How a certificate reads: what it decided, by which figures, and whether to believe it. */
export interface CertificateWords {
  state: 'passed' | 'failed' | 'inconclusive' | 'incumbent' | 'unreadable';
  /** The outcome in one or two sentences. */
  headline: string;
  /** What was asked, the required first. */
  gates: GateWords[];
  /** Where the version comes from, who approved it, and what the figures mean. */
  facts: string[];
  signature: { state: 'good' | 'bad' | 'unchecked'; says: string };
}

/** How reads what the gates decided of a candidate that has no certificate. */
export interface JudgementWords extends Pick<CertificateWords, 'headline' | 'gates' | 'facts'> {
  state: 'passed' | 'failed' | 'inconclusive';
}

/** What is known of a certificate beside its content. */
export interface CertificateCircumstances {
  /** What is wrong with it, or null; undefined where no public key is known to check it with. */
  fault: string | null | undefined;
  /** The key it names; null when it was never signed. */
  key: string | null;
  /** Whose corrections the version learned from; null for one that learned from none. */
  learned: { rows: number; operators: readonly (string | null)[] } | null;
}

/** In the headline; the list has all. */
const shownGates = 2;
/** From this many decisions on, versions may be chosen for how they do on this very pack. */
const manyPackUses = 20;

/** A certificate in plain words. `certificate` is null for one of another release, whose content cannot be read. */
export function certificateWords(
  certificate: Certificate | null,
  circumstances: CertificateCircumstances,
): CertificateWords {
  const signature = signatureWords(circumstances);
  if (certificate === null) {
    const headline = 'This certificate is of another release, so it cannot be put into words.';
    return { state: 'unreadable', headline, gates: [], facts: [], signature };
  }
  const { kind, verdict, champion } = certificate;
  const gates = verdict === null ? [] : eachGate(verdict, champion);
  const state = stateOf(certificate);
  const headline = headlineOf({ kind, verdict }, state, gates);
  return { state, headline, gates, facts: factsOf(certificate, circumstances), signature };
}

/** The gates of a candidate that waits for a person, or never got a certificate, in plain words. */
export function judgementWords({ champion, packUses, verdict }: GateJudgement): JudgementWords {
  const gates = eachGate(verdict, champion);
  const state = judgedStates[verdict.verdict];
  return {
    ...{ state, gates, headline: headlineOf({ kind: verdict.first ? 'first' : 'gated', verdict }, state, gates) },
    facts: [...comparedWords(champion), packWords(packUses)],
  };
}

const judgedStates = { pass: 'passed', fail: 'failed', inconclusive: 'inconclusive' } as const;

function eachGate({ gates }: GateJudgement['verdict'], champion: string | null): GateWords[] {
  return gates
    .map((gate) => gateWords(gate, champion))
    .sort((one, other) => Number(other.required) - Number(one.required));
}

function stateOf({ kind, passed, verdict }: Certificate): CertificateWords['state'] {
  if (kind === 'incumbent') return 'incumbent';
  if (passed) return 'passed';
  return verdict?.verdict === 'inconclusive' ? 'inconclusive' : 'failed';
}

const starts = { passed: 'Passed', failed: 'Failed', inconclusive: 'Not decided' };

function headlineOf(
  { kind, verdict }: Pick<Certificate, 'kind' | 'verdict'>,
  state: CertificateWords['state'],
  gates: readonly GateWords[],
): string {
  if (state === 'incumbent' || state === 'unreadable') {
    return 'It was in production when the model was configured: no gate was asked of it.';
  }
  const start =
    kind === 'first' ? `${starts[state]} as the first version, without a champion to compare with` : starts[state];
  const decisive = decisiveGates(state, gates);
  const shown = decisive.slice(0, shownGates).map(({ says }) => says);
  const more = decisive.length - shown.length;
  const others = more > 0 ? [`And ${more} more ${more === 1 ? 'gate' : 'gates'}.`] : [];
  const said = [...shown, ...others].join(' ') || verdict?.reasons.join(' ');
  return said === undefined || said === '' ? `${start}.` : `${start}: ${lowerFirst(said)}`;
}

/** The gates that made the outcome: of a pass the one that says most, else each that stood against it. */
function decisiveGates(state: 'passed' | 'failed' | 'inconclusive', gates: readonly GateWords[]): readonly GateWords[] {
  const required = gates.filter((gate) => gate.required);
  if (state === 'failed') return required.filter(({ outcome }) => outcome === 'failed');
  if (state === 'inconclusive') {
    const open = required.filter(({ outcome }) => outcome === 'inconclusive');
    return open.length > 0 ? open : gates.filter(({ missingCases }) => missingCases !== undefined);
  }
  const passed = required.filter(({ outcome }) => outcome === 'passed' || outcome === 'excused');
  const most = passed.find(({ compares }) => compares) ?? passed[0];
  return most === undefined ? [] : [most];
}

function factsOf(certificate: Certificate, { learned }: CertificateCircumstances): string[] {
  const { kind, approvedBy, packUses, champion } = certificate;
  const made = learned === null ? 'Made without corrections.' : `Made from ${learnedWords(learned)}.`;
  return [
    made,
    ...(approvedBy === null ? [] : [`Approved by ${approvedBy}.`]),
    ...comparedWords(champion),
    ...(packUses === null || kind === 'incumbent' ? [] : [packWords(packUses)]),
  ];
}

function comparedWords(champion: string | null): string[] {
  return champion === null ? [] : [`Compared with ${champion} case by case; each end of an interval holds with 95 %.`];
}

function packWords(uses: number): string {
  const worn = uses > manyPackUses ? ': renew some of its cases, as versions may be fitted to it' : '';
  return `Its eval pack has decided ${times(uses)} about this model${worn}.`;
}

function learnedWords({ rows, operators }: NonNullable<CertificateCircumstances['learned']>): string {
  const named = operators.filter((name) => name !== null);
  const people = [...named, ...(named.length < operators.length ? ['people whose corrections were erased'] : [])];
  const corrections = rows === 1 ? '1 correction' : `${rows.toLocaleString('en')} corrections`;
  return people.length === 0 ? corrections : `${corrections} by ${listed(people)}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5);
  const more = names.length - shown.length;
  return new Intl.ListFormat('en').format(more > 0 ? [...shown, `${more} more`] : shown);
}

function signatureWords({ fault, key }: CertificateCircumstances): CertificateWords['signature'] {
  if (fault === null) return { state: 'good', says: `Signed with key ${key ?? '–'}, verified.` };
  if (fault !== undefined) return { state: 'bad', says: `Not to be trusted: ${fault}.` };
  if (key === null) return { state: 'bad', says: 'Not to be trusted: it is not signed.' };
  const says = `Signed with key ${key}; not verified here, as this console knows no public key (certificates.publicKeys).`;
  return { state: 'unchecked', says };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
