import type { IncomingMessage } from 'node:http';

/** Whoever asks, when the body does not say: the header `x-user-id`. Only its hash may leave memory. */
export function readUser({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const header = headers['x-user-id'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}
