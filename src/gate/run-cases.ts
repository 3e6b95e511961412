import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageSchema, messageText } from '../chat.ts';
import { readJsonl } from '../jsonl.ts';
import type { Source } from '../log/row.ts';
import type { Answered, Answerer } from '../serve/answer.ts';
import { runChecks, type Given, type Outcome, type Scorers } from './check.ts';
import { exactCase, readPack, type Case, type CaseSet } from './pack.ts';
import { learnedPrefix } from './slices.ts';
import type { CaseResult } from './verdict.ts';

export interface AskedCases {
  model: string;
  /** Left out: the champion. */
  version?: string | undefined;
  source: Source;
  cases: readonly Case[];
  /** Each answer is timed by itself: a batch has one time for all. Cases that assert a latency always are. */
  timed?: boolean | undefined;
  /** Waits before what could not be judged is judged again, in the whole run. */
  patienceMs?: readonly number[];
}

/** A judge may be started anew meanwhile. */
const usualPatienceMs = [2000, 10_000, 60_000];

interface Judged {
  one: Case;
  given: Given;
  outcome: Outcome | null;
}

/** Cases asked at once: small enough that a heartbeat, a cancellation and other requests come between. */
const chunk = 64;
/** Timed requests under way at once. */
const timedAtOnce = 8;

/**
 * Asks a version every case as often as it wants to be asked, through the request path of production, and scores the
 * answers. Repeats of a case are averaged. What cannot be judged is judged again after a while; one repeat that stays so
 * leaves its case unknown.
 */
export async function runCases(
  answerer: Pick<Answerer, 'answerBatch'>,
  scorers: Scorers,
  asked: AskedCases,
  signal?: AbortSignal,
): Promise<CaseResult[]> {
  const questions = asked.cases.flatMap((one) => Array.from({ length: one.repeats }, () => one));
  const timed =
    asked.timed === true || asked.cases.some(({ checks }) => checks.some(({ needs }) => needs === 'latency'));
  const answers = new Map<Case, { outcome: Outcome | null; latencyMs: number }[]>();
  const ask = (cases: readonly Case[]): Promise<Answered[]> =>
    answerer.answerBatch(
      cases.map(({ messages }) => ({
        ...{ model: asked.model, messages, source: asked.source, version: asked.version },
        ...(signal === undefined ? {} : { signal }),
      })),
    );
  const askEach = async (cases: readonly Case[]): Promise<Answered[]> =>
    (await Promise.all(cases.map((one) => ask([one])))).flat();

  const judge = (open: readonly Judged[]) =>
    Promise.all(
      open.map(async (entry) => {
        entry.outcome = await runChecks(entry.one, entry.given, scorers);
      }),
    );

  const patience = [...(asked.patienceMs ?? usualPatienceMs)];
  const step = timed ? timedAtOnce : chunk;
  for (let start = 0; start < questions.length; start += step) {
    signal?.throwIfAborted();
    const cases = questions.slice(start, start + step);
    const answered = timed ? await askEach(cases) : await ask(cases);
    const judged: Judged[] = cases.map((one, place) => {
      const { text = '', latencyMs = 0 } = answered[place] ?? {};
      return { one, given: { messages: one.messages, text, latencyMs }, outcome: null };
    });
    await judge(judged);
    while (patience.length > 0 && judged.some(({ outcome }) => outcome === null)) {
      await sleep(patience.shift(), undefined, signal === undefined ? {} : { signal });
      await judge(judged.filter(({ outcome }) => outcome === null));
    }
    for (const { one, given, outcome } of judged) {
      answers.set(one, [...(answers.get(one) ?? []), { outcome, latencyMs: given.latencyMs }]);
    }
  }
  return asked.cases.map((one) => summarise(one, answers.get(one) ?? [], timed));
}

function summarise(
  { id, slice, label }: Case,
  answers: readonly { outcome: Outcome | null; latencyMs: number }[],
  timed: boolean,
): CaseResult {
  const outcomes = answers.map(({ outcome }) => outcome).filter((outcome) => outcome !== null);
  const latency = timed ? { latencyMs: mean(answers.map(({ latencyMs }) => latencyMs)) } : {};
  const own = { case: id, slice, ...(label === undefined ? {} : { label }) };
  if (outcomes.length === 0 || outcomes.length < answers.length) return { ...own, passed: null, ...latency };
  const rate = mean(outcomes.map(({ passed }) => (passed ? 1 : 0)));
  const score = mean(outcomes.map((outcome) => outcome.score));
  return {
    ...{ ...own, passed: rate === 1 },
    ...(rate > 0 && rate < 1 ? { rate } : {}),
    ...(score === rate ? {} : { score }),
    ...latency,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const heldOutRow = z.object({ messages: z.array(messageSchema).min(2), incident: z.string() });

/**
 * The pack together with the held-out corrections of a dataset, as slices `learned/<incident>` (invariant 11). They
 * ask whether the lesson was learned. A correction without text, which calls tools, is no case: cases are asked without tools.
 */
export async function readCasesWithLearned(path: string, datasetPath: string): Promise<CaseSet> {
  const pack = await readPack(path);
  const hash = createHash('sha256').update(pack.sha256);
  const byId = new Map<string, Case>(); // the same question corrected twice is one case: the last one wins
  const completions = new Map<string, string>();
  for await (const { messages, incident } of readJsonl(join(datasetPath, 'held-out.jsonl'), heldOutRow)) {
    const last = messages.at(-1);
    const completion = last === undefined ? '' : messageText(last);
    if (completion.trim() === '') continue;
    const one = exactCase(
      messages.slice(0, -1),
      completion,
      `${learnedPrefix}${incident === '' ? 'reviewed' : incident}`,
    );
    byId.set(one.id, one);
    completions.set(one.id, completion);
  }
  for (const id of byId.keys()) hash.update(`${id} ${completions.get(id)}\n`);
  if (byId.size === 0) return pack;
  return { ...pack, sha256: hash.digest('hex'), cases: [...pack.cases, ...byId.values()] };
}
