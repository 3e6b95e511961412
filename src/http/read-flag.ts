import type { IncomingMessage } from 'node:http';

const off = new Set(['', '0', 'false']);

/** Whether the caller marks its request as worth keeping, by the header `x-relearn-flag`. What the header says stays here. */
export function isFlagged({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const flag = headers['x-relearn-flag'];
  return flag !== undefined && !off.has(String(flag).trim().toLowerCase());
}
