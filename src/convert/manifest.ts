import { z } from 'zod';
import type { Parts } from './dataset.ts';
import type { DroppedRow } from './unique.ts';

const writtenFile = z.object({ sha256: z.string(), lines: z.number() });
/** SHA-256 and lines of a file. */
export type WrittenFile = z.output<typeof writtenFile>;

const counts = z.record(z.string(), z.number());

/** What a dataset is made of, kept beside its files. Ids and counts; no text. */
export const manifestSchema = z.object({
  model: z.string(),
  run: z.number(),
  triggers: z.array(z.string()),
  cutoffSeq: z.number(),
  redactor: z.string(),
  trainRows: z.number(),
  heldOutRows: z.number(),
  /** Rows that are no part of it, by reason; dropped.jsonl lists them. */
  dropped: z.object({ duplicate: z.number(), conflict: z.number(), contaminated: z.number() }),
  /** Rows in which the redaction found something that the log still had. */
  redactedAgain: z.number(),
  /** Rows by tag. */
  tags: counts,
  /** Times of the first and the last request; null without rows. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** By the name of the file without `.jsonl`. */
  files: z.record(z.string(), writtenFile),
  /** The dataset this one replaces, after rows of it were erased. */
  revises: z.string().optional(),
});
export type DatasetManifest = z.output<typeof manifestSchema>;

type RowFacts = Pick<DatasetManifest, 'trainRows' | 'heldOutRows' | 'dropped' | 'tags' | 'from' | 'to'>;

export function describeRows({ train, heldOut, dropped }: Parts): RowFacts {
  const tags: Record<string, number> = {};
  let [from, to] = [Infinity, -Infinity];
  for (const row of [...train, ...heldOut]) {
    for (const tag of row.tags) tags[tag] = (tags[tag] ?? 0) + 1;
    from = Math.min(from, row.ts.getTime());
    to = Math.max(to, row.ts.getTime());
  }
  return {
    trainRows: train.length,
    heldOutRows: heldOut.length,
    dropped: countDropped(dropped),
    tags,
    from: Number.isFinite(from) ? new Date(from).toISOString() : null,
    to: Number.isFinite(to) ? new Date(to).toISOString() : null,
  };
}

/** Rows that are no part of a dataset, by reason. */
export function countDropped(rows: readonly Pick<DroppedRow, 'because'>[]): DatasetManifest['dropped'] {
  const count = (reason: DroppedRow['because']) => rows.filter(({ because }) => because === reason).length;
  return { duplicate: count('duplicate'), conflict: count('conflict'), contaminated: count('contaminated') };
}
