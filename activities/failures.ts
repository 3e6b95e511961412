import { CancelledFailure } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { RelearnError } from '../src/errors.ts';
import type { ActivityLogger } from './dependencies.ts';

type Activity = (...args: never[]) => Promise<unknown>;

/**
 * Wraps activities so that nothing but our own messages reaches a history. A `RelearnError` becomes a failure with its
 * code as type, not retried when trying again cannot help. Of any other error only its name and stack frames are
 * logged: its message may hold a user's text.
 */
export function withFailures<Activities extends object>(activities: Activities, logger: ActivityLogger): Activities {
  const wrapped = Object.entries(activities).map(([name, activity]: [string, Activity]) => [
    name,
    async (...args: never[]) => {
      try {
        return await activity(...args);
      } catch (error) {
        throw describeFailure(name, error, logger);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as Activities;
}

function describeFailure(name: string, error: unknown, logger: ActivityLogger): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof RelearnError) {
    logger.warn({ activity: name, code: error.code }, error.message);
    const nonRetryable = error.status < 500 && error.code !== 'upstream_busy';
    return ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable });
  }
  const kind = error instanceof Error ? error.name : typeof error;
  logger.error({ activity: name, kind, frames: stackFrames(error) }, 'activity failed unexpectedly');
  return ApplicationFailure.create({
    message: `${name} failed unexpectedly (${kind}); see the worker's log`,
    type: 'internal_error',
  });
}

function stackFrames(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack.split('\n').filter((line) => line.startsWith('    at '));
}
