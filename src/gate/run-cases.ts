import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { messageSchema, messageText, type Message } from '../chat.ts';
import { readJsonl } from '../jsonl.ts';
import type { Source } from '../log/row.ts';
import type { Answerer } from '../serve/answer.ts';
import { caseId, readPack, type PackCase } from './pack.ts';
import type { CaseResult } from './verdict.ts';

/** One question with its right answer. */
export interface Case {
  id: string;
  messages: readonly Message[];
  completion: string;
  slice: string;
}

export interface CaseSet {
  /** SHA-256 of what the cases were read from: two runs on the same digest can be compared. */
  sha256: string;
  cases: Case[];
}

/** Cases asked at once: small enough that a heartbeat, a cancellation and other requests come between. */
const chunk = 64;

/**
 * Asks a version every case, through the request path of production, and scores the answers by equality without the
 * white space around them. `version` left out: the champion.
 */
export async function runCases(
  answerer: Pick<Answerer, 'answerBatch'>,
  asked: { model: string; version?: string | undefined; source: Source; cases: readonly Case[] },
  signal?: AbortSignal,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (let start = 0; start < asked.cases.length; start += chunk) {
    signal?.throwIfAborted();
    const cases = asked.cases.slice(start, start + chunk);
    const answers = await answerer.answerBatch(
      cases.map(({ messages }) => ({
        ...{ model: asked.model, messages, source: asked.source, version: asked.version },
        ...(signal === undefined ? {} : { signal }),
      })),
    );
    for (const [place, { id, slice, completion }] of cases.entries()) {
      results.push({ case: id, slice, passed: answers[place]?.text.trim() === completion.trim() });
    }
  }
  return results;
}

/** The cases of a pack or gold set. */
export async function readCases(path: string): Promise<CaseSet> {
  const { sha256, cases } = await readPack(path);
  return { sha256, cases: cases.map(toCase) };
}

function toCase({ id, prompt, completion, slice }: PackCase): Case {
  return { id, messages: [{ role: 'user', content: prompt }], completion, slice };
}

const heldOutRow = z.object({ messages: z.array(messageSchema).min(2), incident: z.string() });

/**
 * The pack together with the held-out corrections of a dataset, as slices `learned/<incident>` (invariant 11). They
 * ask whether the lesson was learned.
 */
export async function readCasesWithLearned(path: string, datasetPath: string): Promise<CaseSet> {
  const pack = await readCases(path);
  const byId = new Map<string, Case>(); // the same question corrected twice is one case: the last one wins
  for await (const { messages, incident } of readJsonl(join(datasetPath, 'held-out.jsonl'), heldOutRow)) {
    const last = messages.at(-1);
    const completion = last === undefined ? '' : messageText(last);
    const asked = messages.slice(0, -1);
    const id = caseId(JSON.stringify(asked));
    byId.set(id, { id, messages: asked, completion, slice: `learned/${incident === '' ? 'reviewed' : incident}` });
  }
  const learned = [...byId.values()];
  const hash = createHash('sha256').update(pack.sha256);
  for (const { id, completion } of learned) hash.update(`${id} ${completion}\n`);
  return { sha256: learned.length === 0 ? pack.sha256 : hash.digest('hex'), cases: [...pack.cases, ...learned] };
}
