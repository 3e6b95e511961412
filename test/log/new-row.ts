import { newRequestId } from '../../src/log/request-id.ts';
import type { LogRow } from '../../src/log/row.ts';

/** A row that was sampled by chance, changed where a test says so. */
export function newRow(change: Partial<LogRow> = {}): LogRow {
  return {
    requestId: newRequestId(),
    ts: new Date(),
    model: 'mail',
    modelVersion: 'mail-1',
    prompt: 'is this spam?',
    response: 'ham',
    tools: null,
    latencyMs: 1.5,
    userIdHash: '0123456789abcdef',
    responseLogprob: -0.1,
    source: 'production',
    keptBecause: 'healthy',
    inclusionProbability: 0.05,
    incident: null,
    ...change,
  };
}

/** A row that was not sampled. */
export function newUnsampledRow(change: Partial<LogRow> = {}): LogRow {
  return newRow({ keptBecause: null, ...change });
}
