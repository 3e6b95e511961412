import type { Parts } from './dataset.ts';
import type { DroppedRow } from './unique.ts';

/** SHA-256 and lines of a file. */
export interface WrittenFile {
  sha256: string;
  lines: number;
}

/** What a dataset is made of, kept beside its files. Ids and counts; no text. */
export interface DatasetManifest {
  model: string;
  run: number;
  triggers: string[];
  cutoffSeq: number;
  redactor: string;
  trainRows: number;
  heldOutRows: number;
  /** Rows that are no part of it, by reason; dropped.jsonl lists them. */
  dropped: Record<DroppedRow['because'], number>;
  /** Rows in which the redaction found something that the log still had. */
  redactedAgain: number;
  /** Rows by tag. */
  tags: Record<string, number>;
  /** Times of the first and the last request; null without rows. */
  from: string | null;
  to: string | null;
  /** By the name of the file without `.jsonl`. */
  files: Record<string, WrittenFile>;
}

type RowFacts = Pick<DatasetManifest, 'trainRows' | 'heldOutRows' | 'dropped' | 'tags' | 'from' | 'to'>;

export function describeRows({ train, heldOut, dropped }: Parts): RowFacts {
  const tags: Record<string, number> = {};
  let [from, to] = [Infinity, -Infinity];
  for (const row of [...train, ...heldOut]) {
    for (const tag of row.tags) tags[tag] = (tags[tag] ?? 0) + 1;
    from = Math.min(from, row.ts.getTime());
    to = Math.max(to, row.ts.getTime());
  }
  const count = (reason: DroppedRow['because']) => dropped.filter(({ because }) => because === reason).length;
  return {
    trainRows: train.length,
    heldOutRows: heldOut.length,
    dropped: {
      duplicate: count('duplicate'),
      conflict: count('conflict'),
      contaminated: count('contaminated'),
    },
    tags,
    from: Number.isFinite(from) ? new Date(from).toISOString() : null,
    to: Number.isFinite(to) ? new Date(to).toISOString() : null,
  };
}
