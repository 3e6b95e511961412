import { z } from 'zod';

const errorBody = z.object({
  error: z.object({ message: z.string(), code: z.string(), details: z.record(z.string(), z.string()).optional() }),
});

/** What the server refused, in its words. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: Readonly<Record<string, string>>;

  constructor(message: string, code: string, status: number, details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** The CSRF token of the session; set when the page learns who is signed in. */
let csrf: string | null = null;

export function keepCsrf(token: string | null): void {
  csrf = token;
}

/** Asks the review API and checks its answer. Throws ApiError. */
export async function get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  return schema.parse(await ask(path, { method: 'GET' }));
}

export async function post<Schema extends z.ZodType>(
  path: string,
  body: object,
  schema: Schema,
): Promise<z.output<Schema>> {
  const headers = { 'content-type': 'application/json', ...(csrf === null ? {} : { 'x-csrf-token': csrf }) };
  return schema.parse(await ask(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** Ends the session. */
export async function signOut(): Promise<void> {
  await ask('/api/session', { method: 'DELETE' });
}

async function ask(path: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(path, { ...init, credentials: 'same-origin' }).catch(() => {
    throw new ApiError('The server does not answer. Is `relearn up` running?', 'unreachable', 0);
  });
  if (response.status === 204) return null;
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  const { error } = errorBody.safeParse(body).data ?? {};
  throw new ApiError(
    error?.message ?? `The server answered ${response.status}.`,
    error?.code ?? 'unknown',
    response.status,
    error?.details,
  );
}
