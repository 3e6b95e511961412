import { looksPerYear, monitorsThatOpen, percent } from './judgement.ts';
import type { Judgement } from './judgement.ts';

/** Rows that carry a log-probability, and how many of them are below the version's threshold. */
export interface ConfidenceCount {
  rows: number;
  low: number;
}

export interface ConfidenceJudgementInput {
  /** The champion's first production rows; null when it has no threshold, or its answers no log-probability. */
  reference: (ConfidenceCount & { complete: boolean }) | null;
  /** The latest production rows, at each size of `windowSizes(windowRequests)`; none of them in the reference. */
  windows: readonly ConfidenceCount[];
  /** A rise of the low-confidence share below this never alarms. */
  minIncrease: number;
  /** Rows wanted for the reference; nothing is judged before it is complete. */
  referenceRequests: number;
  windowRequests: number;
  everySeconds: number;
  /** Age of the newest row; null when there is none. */
  idleSeconds: number | null;
}

/** Traffic that is silent for longer than this, and than two looks, is "no data". */
const idleLimitSeconds = 3600;

/**
 * The window lengths judged at each look, ascending: a fifth, two fifths, the whole and four times `windowRequests`. A
 * full break shows in the short ones after a few dozen requests; a mix with few drifted rows only in the longest.
 */
export function windowSizes(windowRequests: number): number[] {
  const sizes = [windowRequests / 5, (windowRequests * 2) / 5, windowRequests, windowRequests * 4].map(Math.ceil);
  return [...new Set(sizes)];
}

/**
 * Decides whether the share of low-confidence answers rose since deployment. Each full window is compared with the
 * reference by the exact conditional test of two shares (Fisher 1935): given all low rows of both, so many in the
 * window by chance alone? Exact, because a good classifier may have 0 low rows of 500, where a z test alarms far
 * too often.
 *
 * It is looked at for ever, so a window alarms only below level = 1 / (looks a year * monitors * window sizes). The
 * expected number of false alarms is the sum of the looks' levels whatever their dependence, so windows that overlap
 * and the one reference they share do no harm: healthy traffic alone raises less than one in a model-year from all
 * monitors together. At 96 looks a day the level is 3.6e-6, a z of 4.5. It assumes that healthy rows are alike over time:
 * a day's cycle or one user's burst is not.
 */
export function judgeConfidence(input: ConfidenceJudgementInput): Judgement {
  const { reference, windows, minIncrease, referenceRequests, windowRequests, everySeconds, idleSeconds } = input;
  const unknown = (reason: string): Judgement => ({
    state: 'unknown',
    effect: null,
    reason,
    figures: reference === null ? {} : { referenceRows: reference.rows, referenceLow: reference.low },
  });
  if (reference === null) return unknown('The champion gives no log-probability, or has no threshold for it.');
  if (!reference.complete) {
    return unknown(`The reference has ${reference.rows} of ${referenceRequests} production rows since deployment.`);
  }
  if (idleSeconds !== null && idleSeconds > Math.max(idleLimitSeconds, 2 * everySeconds)) {
    return unknown(`No production request for ${Math.floor(idleSeconds / 60)} minutes.`);
  }
  const sizes = windowSizes(windowRequests);
  const full = windows.filter((window) => sizes.includes(window.rows));
  if (full.length === 0) {
    const rows = Math.max(0, ...windows.map((window) => window.rows));
    return unknown(`${rows} production rows since the reference within the hot window, wanted ${sizes[0]}.`);
  }
  const level = 1 / (looksPerYear(everySeconds) * monitorsThatOpen * sizes.length);
  const referenceShare = reference.low / reference.rows;
  const looks = full.map((window) => {
    const effect = window.low / window.rows - referenceShare;
    return { window, effect, p: upperTail(reference, window) };
  });
  const alarms = looks.filter(({ effect, p }) => p <= level && effect >= minIncrease);
  const told = [...(alarms.length > 0 ? alarms : looks)].sort((a, b) => a.p - b.p)[0];
  if (told === undefined) return unknown('No full window.');
  return {
    state: alarms.length > 0 ? 'drift' : 'clean',
    effect: told.effect,
    reason: `Low confidence in ${percent(told.window.low / told.window.rows)} of the latest ${told.window.rows} production rows, ${percent(referenceShare)} after deployment; p ${told.p.toExponential(1)}, alarm below ${level.toExponential(1)}.`,
    figures: {
      referenceRows: reference.rows,
      referenceLow: reference.low,
      windowRows: told.window.rows,
      windowLow: told.window.low,
      pValue: told.p,
      level,
    },
  };
}

/** P(at least `window.low` of the low rows fall into the window) when window and reference are alike. */
function upperTail(reference: ConfidenceCount, window: ConfidenceCount): number {
  const low = reference.low + window.low;
  const high = reference.rows + window.rows - low;
  let k = window.low;
  const first = logChoose(low, k) + logChoose(high, window.rows - k) - logChoose(low + high, window.rows);
  let term = 1;
  let sum = 0;
  while (k <= Math.min(low, window.rows) && term > 1e-17 * sum) {
    sum += term;
    term *= ((low - k) * (window.rows - k)) / ((k + 1) * (high - window.rows + k + 1));
    k += 1;
  }
  return Math.min(1, Math.exp(first) * sum);
}

const logFactorials = [0];

function logFactorial(n: number): number {
  for (let i = logFactorials.length; i <= n; i += 1) logFactorials.push((logFactorials[i - 1] ?? 0) + Math.log(i));
  return logFactorials[n] ?? 0;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}
