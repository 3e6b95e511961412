import { createServer } from 'node:net';
import getPort from 'get-port';
import { RelearnError } from '../src/errors.ts';

/**
 * The port to use: `wanted`, or a free one when it is undefined or 0.
 * Throws `port_taken`, which says who wants it and where it is set.
 */
export async function choosePort(
  wanted: number | undefined,
  use: { host: string; what: string; setting: string },
): Promise<number> {
  if (wanted === undefined || wanted === 0) return getPort({ host: use.host });
  const problem = await tryToListen(wanted, use.host);
  if (problem === undefined) return wanted;
  if (problem === 'EADDRINUSE') throw portTaken(wanted, use);
  throw new RelearnError(
    'stack_failed',
    `${use.what} cannot listen on ${use.host}:${wanted} (${problem}). The address comes from ${use.setting}.`,
  );
}

export function portTaken(port: number, use: { host: string; what: string; setting: string }): RelearnError {
  return new RelearnError(
    'port_taken',
    `Port ${port} on ${use.host} is taken, and ${use.what} wants it. Stop the program that holds it, ` +
      `or choose another port (0 for any free one) with ${use.setting}.`,
  );
}

function tryToListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
