import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetRequest, Parts } from './dataset.ts';
import { readLesson, toChatPair, toOpenAiPreference, toTrlPreference, type Lesson } from './formats.ts';
import type { DatasetManifest, WrittenFile } from './manifest.ts';
import { readReplay } from './replay.ts';
import type { CorrectedRow } from './rows.ts';

const preferenceFormats: Record<'openai' | 'trl', (lesson: Lesson) => object | null> = {
  openai: toOpenAiPreference,
  trl: toTrlPreference,
};

/** Writes the files of a dataset into `folder`, one JSON object a line. */
export async function writeDatasetFiles(
  folder: string,
  { train, heldOut, dropped }: Parts,
  { preferences = [], replay, reserved }: DatasetRequest,
): Promise<Pick<DatasetManifest, 'files' | 'redactedAgain'>> {
  const lessons = train.map(readLesson);
  const exams = heldOut.map((row) => ({ row, lesson: readLesson(row) }));
  const files: Record<string, WrittenFile> = {
    train: await writeLines(join(folder, 'train.jsonl'), lessons.map(toChatPair)),
    'held-out': await writeLines(
      join(folder, 'held-out.jsonl'),
      exams.map(({ row, lesson }) => ({ ...toChatPair(lesson), incident: row.incident })),
    ),
    rows: await writeLines(join(folder, 'rows.jsonl'), [
      ...train.map((row) => describeRow(row, 'train')),
      ...heldOut.map((row) => describeRow(row, 'held_out')),
    ]),
    dropped: await writeLines(
      join(folder, 'dropped.jsonl'),
      dropped.map(({ row, because, of }) => ({ ...idsOf(row), because, of })),
    ),
  };
  for (const format of preferences) {
    const name = `preferences.${format}`;
    const chosen = lessons.map(preferenceFormats[format]).filter((preference) => preference !== null);
    files[name] = await writeLines(join(folder, `${name}.jsonl`), chosen);
  }
  if (replay !== undefined) {
    files['replay'] = await writeLines(
      join(folder, 'replay.jsonl'),
      readReplay(replay.base, replay.perRow * train.length, reserved),
    );
  }
  return { files, redactedAgain: countRedacted(lessons) + countRedacted(exams.map(({ lesson }) => lesson)) };
}

function idsOf({ requestId, correctionId }: CorrectedRow) {
  return { request_id: requestId, correction_id: correctionId };
}

function describeRow(row: CorrectedRow, split: string) {
  return { ...idsOf(row), split, incident: row.incident, ts: row.ts.toISOString(), tags: row.tags };
}

function countRedacted(lessons: readonly Lesson[]): number {
  return lessons.filter(({ redactedAgain }) => redactedAgain).length;
}

async function writeLines(path: string, entries: Iterable<object> | AsyncIterable<object>): Promise<WrittenFile> {
  const hash = createHash('sha256');
  let lines = 0;
  await pipeline(async function* () {
    for await (const entry of entries) {
      const line = `${JSON.stringify(entry)}\n`;
      hash.update(line);
      lines += 1;
      yield line;
    }
  }, createWriteStream(path));
  return { sha256: hash.digest('hex'), lines };
}
