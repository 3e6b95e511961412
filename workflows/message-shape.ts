import type {
  CorrectionBatch,
  CorrectionMessage,
  Decision,
  RetrainFinished,
  RetrainStatus,
  RetrainTrigger,
} from '../src/temporal.ts';

// People type messages into the Temporal UI by hand: every body is unknown until one of these has looked at it.
// Hand-written, as a schema library would be loaded into every cached workflow.

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longest;
}

/** A name or id: Postgres takes no NUL, and no honest one holds a control character. */
function isName(value: unknown): value is string {
  return isText(value, 200) && !/\p{Cc}/u.test(value);
}

/** The correction in a message, or what is wrong with it. Never repeats the text. */
export function readCorrection(message: unknown): CorrectionMessage | string {
  if (!isFields(message)) return 'wanted {"requestId":"…","completion":"…","operator":"…"}';
  const { requestId, completion, operator } = message;
  if (!isName(requestId)) return 'requestId: wanted at most 200 characters, no control characters';
  if (!isText(completion, 100_000)) return 'completion: wanted a text of at most 100,000 characters';
  if (!isName(operator)) return 'operator: wanted at most 200 characters, no control characters';
  return { requestId: requestId.trim(), completion, operator: operator.trim() };
}

/** The batch in an update, or what is wrong with its shape. Single corrections are looked at one by one, later. */
export function readCorrectionBatch(message: unknown): CorrectionBatch | string {
  if (!isFields(message)) return 'wanted {"batch":"…","corrections":[…]}';
  const { batch, corrections } = message;
  if (!isText(batch, 200)) return 'batch: wanted a name of at most 200 characters';
  if (!Array.isArray(corrections) || corrections.length === 0 || corrections.length > 500) {
    return 'corrections: wanted 1 to 500 of them';
  }
  const read: CorrectionMessage[] = [];
  for (const [index, item] of corrections.entries()) {
    const correction = readCorrection(item);
    if (typeof correction === 'string') return `corrections[${String(index)}]: ${correction}`;
    read.push(correction);
  }
  return { batch, corrections: read };
}

const triggerKinds: readonly RetrainTrigger['kind'][] = ['drift', 'cadence', 'cluster', 'manual'];

/** The trigger in a message; what names no known kind counts as `manual`. */
export function readTrigger(message: unknown): RetrainTrigger {
  const fields = isFields(message) ? message : {};
  const kind = triggerKinds.find((known) => known === fields['kind']) ?? 'manual';
  return {
    kind,
    ...(isName(fields['incident']) ? { incident: fields['incident'] } : {}),
    ...(isName(fields['cluster']) ? { cluster: fields['cluster'] } : {}),
    ...(isName(fields['by']) ? { by: fields['by'] } : {}),
  };
}

const statuses: readonly RetrainStatus[] = [
  'promoted',
  'refused',
  'inconclusive',
  'rejected',
  'rolled_back',
  'expired',
  'nothing_new',
  'no_gates',
  'superseded',
  'failed',
];

/** The outcome in a `retrainFinished`, or undefined when it is none. */
export function readRetrainFinished(message: unknown): RetrainFinished | undefined {
  if (!isFields(message)) return undefined;
  const status = statuses.find((known) => known === message['status']);
  if (status === undefined || typeof message['run'] !== 'number') return undefined;
  return {
    run: message['run'],
    status,
    ...(isName(message['version']) ? { version: message['version'] } : {}),
    ...(isText(message['reason'], 2000) ? { reason: message['reason'] } : {}),
  };
}

/** The model that a message names, or undefined. */
export function readModel(message: unknown): string | undefined {
  return isFields(message) && isName(message['model']) ? message['model'] : undefined;
}

/** The version that a message names, or undefined. */
export function readVersion(message: unknown): string | undefined {
  return isFields(message) && isName(message['version']) ? message['version'] : undefined;
}

/** What an approval or a rejection lacks: nobody's word is no certificate. Undefined when it lacks nothing. */
export function findLack(decision: unknown): string | undefined {
  const fields = isFields(decision) ? decision : {};
  if (nameOf(fields) === undefined) return 'by: wanted who decides, as in {"by":"your name","reason":"…"}';
  if (!isText(fields['reason'], 2000)) return 'reason: wanted why, in at most 2000 characters';
  return undefined;
}

/**
 * `{"by","reason"}` of an approval, a rejection, a closing or an early retrain; where nothing looked for a lack, both
 * may be left out. The review API adds the name of the key it came with.
 */
export function readDecision(message: unknown): Decision {
  const fields = isFields(message) ? message : {};
  return {
    by: nameOf(fields) ?? 'unknown',
    reason: isText(fields['reason'], 2000) ? fields['reason'].trim() : '',
    ...(isName(fields['key']) ? { key: fields['key'] } : {}),
  };
}

/** Who says so: `by`, or `operator` as in a correction. */
function nameOf(fields: Fields): string | undefined {
  return [fields['by'], fields['operator']].find(isName)?.trim();
}
