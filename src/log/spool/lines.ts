import { z } from 'zod';
import type { MinuteCount } from '../minutes.ts';
import type { LogRow } from '../row.ts';
import { inSlices } from '../slices.ts';

/** Counts of requests that have no row, with the id they are stored under once. */
export interface Tally {
  id: string;
  counts: MinuteCount[];
}

const rowLine = z.object({
  requestId: z.string(),
  ts: z.iso.datetime().transform((text) => new Date(text)),
  model: z.string(),
  modelVersion: z.string(),
  prompt: z.string(),
  response: z.string(),
  latencyMs: z.number(),
  userIdHash: z.string().nullable(),
  responseLogprob: z.number().nullable(),
  source: z.enum(['production', 'probe', 'eval']),
  keptBecause: z.enum(['low_confidence', 'flagged', 'drift_window', 'post_drift', 'healthy']).nullable(),
  inclusionProbability: z.number(),
  incident: z.string().nullable(),
  tools: z.string().nullable().default(null), // older lines have none
}) satisfies z.ZodType<LogRow>;

const tallyLine = z.object({
  tally: z.uuid(),
  counts: z.array(
    z.object({
      ...{ model: z.string(), modelVersion: z.string(), source: z.string(), minute: z.string() },
      ...{ requests: z.number(), lowConfidence: z.number(), kept: z.number(), dropped: z.number() },
    }),
  ),
});

export interface SpooledContent {
  rows: LogRow[];
  tallies: Tally[];
  /** Lines that are none, such as one that a killed process did not end. */
  unreadable: number;
}

/** A row as one line of a spool file. */
export function formatRow(row: LogRow): string {
  return `${JSON.stringify(row)}\n`;
}

export function formatTally({ id, counts }: Tally): string {
  return `${JSON.stringify({ tally: id, counts })}\n`;
}

/** Reads the text of a spool file, a slice at a time. */
export async function parseSpooled(text: string): Promise<SpooledContent> {
  const content: SpooledContent = { rows: [], tallies: [], unreadable: 0 };
  const lines = text.split('\n').filter((line) => line !== '');
  for await (const parsed of inSlices(lines, (slice) => slice.map(parseLine))) {
    for (const line of parsed) {
      if (line === null) content.unreadable += 1;
      else if ('id' in line) content.tallies.push(line);
      else content.rows.push(line);
    }
  }
  return content;
}

function parseLine(line: string): LogRow | Tally | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return null;
  }
  const row = rowLine.safeParse(json);
  if (row.success) return row.data;
  const tally = tallyLine.safeParse(json);
  return tally.success ? { id: tally.data.tally, counts: tally.data.counts } : null;
}
