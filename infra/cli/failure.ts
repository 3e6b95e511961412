import { CommanderError } from 'commander';
import { errorMessage, RelearnError } from '../../src/errors.ts';

/**
 * Tells a person on stderr what went wrong and returns the exit code: 2 for a command that was typed wrong, 1 for
 * one that failed. Stack traces only when asked for.
 */
export function reportFailure(error: unknown, verbose: boolean): number {
  // Commander has told the person already, or has shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  console.error(`error: ${errorMessage(error)}`);
  if (verbose) console.error(error);
  else if (!(error instanceof RelearnError)) console.error('(this was not foreseen: add --verbose to see where)');
  return error instanceof RelearnError && error.code === 'invalid_arguments' ? 2 : 1;
}
