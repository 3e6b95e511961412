import { z } from 'zod';
import { RelearnError } from '../../errors.ts';
import { createLanes, type Turn } from './lanes.ts';
import type { Redacted } from './redactor.ts';

/** A second redactor that speaks the REST API of Presidio's analyzer. */
export interface ChainOptions {
  /** Base URL, or that of `/analyze` itself. */
  url: string;
  language: string;
  /** Findings below this score are left. */
  minScore: number;
  timeoutSeconds: number;
  /** Entities to ask for; all the analyzer knows when left out. */
  entities?: readonly string[] | undefined;
}

const findings = z.array(
  z.object({
    start: z.number().int().min(0),
    end: z.number().int().min(0),
    score: z.number(),
    entity_type: z.string().regex(/^[A-Z][A-Z0-9_]{0,40}$/),
  }),
);
type Finding = z.output<typeof findings>[number];

const kinds: Record<string, string> = {
  EMAIL_ADDRESS: 'EMAIL',
  PHONE_NUMBER: 'PHONE',
  US_SSN: 'SSN',
  IBAN_CODE: 'IBAN',
  IP_ADDRESS: 'IP',
  STREET_ADDRESS: 'ADDRESS',
};
/** UK_NHS, ES_NIF, US_PASSPORT and their like. */
const governmentId = /^[A-Z]{2}_(?!BANK)/;
const mark = /\[[A-Z]+(?:_[A-Z]+)*(?:_\d{1,6})?\]/g;

/**
 * Redacts redacted text further: [PERSON], [LOCATION]; the marks that are there stay. `urgent` is for a text that a
 * request waits for: it goes before the others, and waits for `timeoutSeconds` in all. `healthy` is for a row that is not
 * kept for a reason: it goes last, and is given up first when too much waits. Left out: `kept`. Fails closed: any answer
 * but a good one throws `redactor_unavailable`, without a word of the text; whoever stores the text must not.
 */
export type Chain = (text: string, turn?: Turn) => Promise<Redacted>;

/** As an analyzer on two cores takes them. */
const textsAtOnce = 8;
/** Characters that may wait for a slow analyzer. */
const mostWaiting = 32 * 2 ** 20;

export function createChain(options: ChainOptions): Chain {
  const url = options.url.replace(/\/+$/, '').replace(/(?<!\/analyze)$/, '/analyze');
  const timeoutMs = options.timeoutSeconds * 1000;
  const lanes = createLanes(textsAtOnce, mostWaiting, () => unavailable('is too slow: too much text waits for it'));
  return async (text, turn = 'kept') => {
    if (!/[\p{L}\p{N}]/u.test(text.replace(mark, ''))) return { text, found: {} };
    const deadline = turn === 'urgent' ? AbortSignal.timeout(timeoutMs) : undefined;
    const ask = () => analyze(url, text, options, deadline ?? AbortSignal.timeout(timeoutMs));
    return replace(text, await lanes.run(ask, text.length, turn));
  };
}

function unavailable(why: string): RelearnError {
  return new RelearnError(
    'redactor_unavailable',
    `The second redactor ${why}. Nothing was stored. Check log.redaction.chain.`,
  );
}

async function analyze(url: string, text: string, options: ChainOptions, signal: AbortSignal): Promise<Finding[]> {
  const { language, minScore, entities, timeoutSeconds } = options;
  let answer: { status: number; body: unknown };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, language, score_threshold: minScore, entities }),
      signal,
    });
    answer = { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    throw unavailable(`does not answer within ${timeoutSeconds} s`);
  }
  if (answer.status !== 200) throw unavailable(`answered ${answer.status}`);
  const parsed = findings.safeParse(answer.body);
  if (!parsed.success) throw unavailable('answered something that is no list of findings');
  return parsed.data.filter(({ score }) => score >= minScore);
}

function replace(text: string, findings: readonly Finding[]): Redacted {
  const kept = [...text.matchAll(mark)].map(({ 0: whole, index }) => ({ start: index, end: index + whole.length }));
  const unitOf = createUnits(text);
  const found: Record<string, number> = {};
  const ordered = findings
    .map(({ start, end, score, entity_type }) => ({
      start: unitOf(start),
      end: unitOf(end),
      score,
      kind: kindOf(entity_type),
    }))
    .sort((a, b) => a.start - b.start || b.end - a.end || b.score - a.score);
  let rest = '';
  let at = 0;
  for (const finding of ordered) {
    // The part of a finding that is not ours already.
    for (const { start, end } of without({ start: Math.max(at, finding.start), end: finding.end }, kept)) {
      if (text.slice(start, end).trim() === '') continue;
      rest += `${text.slice(at, start)}[${finding.kind}]`;
      found[finding.kind] = (found[finding.kind] ?? 0) + 1;
      at = end;
    }
  }
  return { text: rest + text.slice(at), found };
}

/** The stretch less the marks it overlaps. */
function without(stretch: { start: number; end: number }, kept: readonly { start: number; end: number }[]) {
  const parts: { start: number; end: number }[] = [];
  let { start } = stretch;
  for (const mark of kept) {
    if (mark.end <= start || mark.start >= stretch.end) continue;
    if (mark.start > start) parts.push({ start, end: mark.start });
    start = mark.end;
  }
  if (start < stretch.end) parts.push({ start, end: stretch.end });
  return parts;
}

function kindOf(entity: string): string {
  return kinds[entity] ?? (governmentId.test(entity) ? 'GOV_ID' : entity.replace(/\d/g, ''));
}

/** Presidio counts code points, JavaScript UTF-16 units. */
function createUnits(text: string): (point: number) => number {
  if (!/[\ud800-\udfff]/.test(text)) return (point) => Math.min(point, text.length);
  const units: number[] = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  return (point) => units[point] ?? text.length;
}
