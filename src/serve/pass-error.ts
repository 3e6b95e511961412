import { z } from 'zod';
import { redactJson, type RedactText } from '../log/redact-message.ts';
import type { Passed } from './pass.ts';
import { describeStatus } from './upstream.ts';

/** An error as endpoints send it, as an answer or as an event. */
export const endpointError = z.looseObject({ error: z.looseObject({ message: z.string() }) });

/**
 * An endpoint's error with its own status. Its text passes redacted, as it may quote the prompt; a refused key is ours,
 * not the client's, and a text in another shape is left out.
 */
export function errorReply(status: number, json: string, redact: RedactText): Pick<Passed, 'status' | 'body'> {
  const known = describeStatus(status);
  if (status === 401 || status === 403 || status < 400) throw known;
  const given = endpointError.safeParse(parseOrUndefined(json));
  const { message, type, code } = known;
  const error = given.success ? redactOr(message, given.data.error, redact) : { message };
  return { status, body: { json: JSON.stringify({ error: { type, code, ...error } }) } };
}

function redactOr(message: string, error: object, redact: RedactText): object {
  try {
    return Object.fromEntries(Object.entries(error).map(([key, value]) => [key, redactJson(value, redact)]));
  } catch {
    return { message };
  }
}

function parseOrUndefined(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
