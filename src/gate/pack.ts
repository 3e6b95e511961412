import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageSchema, promptMessages, type Message } from '../chat.ts';
import { RelearnError } from '../errors.ts';
import { readNumberedJsonl } from '../jsonl.ts';
import { redactText } from '../log/redact/index.ts';
import { digestFile } from '../promote/artifacts.ts';
import { checkSchema, equalsCheck } from './assertions.ts';
import type { Check } from './check.ts';
import type { EvalsConfig } from './config.ts';

/** Every case of a pack belongs to this slice, and to its own. */
export const wholePack = 'all';

/** One question and what is asked of its answer. */
export interface Case {
  /** First 12 hex digits of the SHA-256 of the prompt: pairs the answers of two versions. */
  id: string;
  messages: readonly Message[];
  checks: readonly Check[];
  /** The answer passes when its weighted score reaches this; left out: when every check passes. */
  threshold?: number | undefined;
  /** The completion that is asked for, when it is the same for other cases of the pack: a label. Redacted. */
  label?: string | undefined;
  /** Its own slice; `all` when the file names none. */
  slice: string;
  /** How often it is asked; its results are averaged. */
  repeats: number;
}

export interface CaseSet {
  /** SHA-256 of what the cases were read from, in hex: two runs on the same digest can be compared. */
  sha256: string;
  /** SHA-256 of the file alone, where more was added to its cases. */
  fileSha256: string;
  cases: Case[];
}

const caseSchema = z
  .object({
    prompt: z.string().min(1).optional(),
    messages: z.array(messageSchema).min(1).optional(),
    completion: z.string().min(1).optional(),
    assert: z.array(checkSchema).min(1).optional(),
    threshold: z.number().min(0).max(1).optional(),
    slice: z.string().min(1).optional(),
    repeats: z.number().int().min(1).max(100).default(1),
  })
  .superRefine(({ prompt, messages, completion, assert }, context) => {
    const tell = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if ((prompt === undefined) === (messages === undefined)) tell('prompt', 'wanted either prompt or messages');
    if (completion === undefined && assert === undefined) tell('completion', 'wanted a completion, or a list assert');
  });

/**
 * Reads an eval pack or gold set: JSONL of prompt (or messages) with completion, assertions, or both. A broken line
 * fails with `invalid_rows`, file and line number. A case that stands twice counts once; one prompt of which two things
 * are asked fails, since its answers could not be paired.
 */
export async function readPack(path: string): Promise<CaseSet> {
  const cases = new Map<string, { one: Case; wanted: string | undefined; asked: string; where: string }>();
  for await (const { row: written, where } of readNumberedJsonl(path, z.unknown())) {
    const parsed = parseCase(written, where);
    const one = toCase(parsed);
    const wanted = parsed.completion?.trim();
    const asked = JSON.stringify(askedSchema.parse(written));
    const known = cases.get(one.id);
    if (known === undefined) cases.set(one.id, { one, wanted, asked, where });
    else if (known.asked !== asked) {
      throw new RelearnError(
        'invalid_rows',
        `${where}: the prompt of case ${one.id} stands in ${known.where} already, where something else is asked of its ` +
          'answer. Keep the right one, or join their assertions.',
      );
    }
  }
  if (cases.size === 0) {
    throw new RelearnError('invalid_rows', `${path} holds no row. Wanted JSONL of {"prompt","completion"}.`);
  }
  const sha256 = await digestFile(path);
  const labels = countLabels([...cases.values()].map(({ wanted }) => wanted));
  const labelled = [...cases.values()].map(({ one, wanted }) => ({ ...one, ...labels(wanted) }));
  return { sha256, fileSha256: sha256, cases: labelled };
}

/** Longer completions are answers, not labels. */
const longestLabel = 64;

function countLabels(completions: readonly (string | undefined)[]) {
  const counts = new Map<string, number>();
  for (const wanted of completions) if (wanted !== undefined) counts.set(wanted, (counts.get(wanted) ?? 0) + 1);
  return (wanted: string | undefined): { label?: string } =>
    wanted === undefined || wanted.length > longestLabel || (counts.get(wanted) ?? 0) < 2
      ? {}
      : { label: redactText(wanted).text };
}

/** The conversations of an eval pack or gold set, for those who must keep clear of them. */
export async function readPrompts(path: string): Promise<(readonly Message[])[]> {
  return (await readPack(path)).cases.map(({ messages }) => messages);
}

/** The case that asks for exactly this completion. */
export function exactCase(messages: readonly Message[], completion: string, slice: string): Case {
  const id = caseId(JSON.stringify(messages));
  return { id, messages, checks: [equalsCheck(completion)], slice, repeats: 1 };
}

/** The id of the case that asks `prompt`. */
export function caseId(prompt: string): string {
  return createHash('sha256').update(prompt).digest('hex').slice(0, 12);
}

/** What the assertions of the cases need and the configuration lacks, as its keys. */
export function missingScorers(
  cases: readonly Case[],
  evals: Pick<EvalsConfig, 'judge' | 'embeddings'> | undefined,
): string[] {
  const needed = new Set(cases.flatMap(({ checks }) => checks.map(({ needs }) => needs)));
  return (['judge', 'embeddings'] as const).filter((key) => needed.has(key) && evals?.[key] === undefined);
}

function parseCase(written: unknown, where: string): z.output<typeof caseSchema> {
  const parsed = caseSchema.safeParse(written);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0];
  throw new RelearnError('invalid_rows', `${where}: ${problem?.path.join('.') || 'row'}: ${problem?.message}.`);
}

function toCase({ prompt, messages, completion, assert, ...rest }: z.output<typeof caseSchema>): Case {
  const asked = messages ?? promptMessages(prompt ?? '');
  return {
    id: caseId(prompt ?? JSON.stringify(messages)),
    messages: asked,
    checks: [...(completion === undefined ? [] : [equalsCheck(completion)]), ...(assert ?? [])],
    threshold: rest.threshold,
    slice: rest.slice ?? wholePack,
    repeats: rest.repeats,
  };
}

/** What a row asks of its answer, as it was written. */
const askedSchema = z.object({
  completion: z.string().trim().optional(),
  assert: z.unknown().optional(),
  threshold: z.unknown().optional(),
});
