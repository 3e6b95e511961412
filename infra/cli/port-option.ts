import { InvalidArgumentError } from 'commander';

/** The value of a `--port` option; 0 means any free one. */
export function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('wanted a port from 0 to 65535');
}
