/**
 * Every error a user can meet, by code. `status` is the HTTP status, `type` the word OpenAI clients switch on.
 * A test compares this catalogue with docs/errors.md.
 */
export const errorCatalogue = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  malformed_json: { status: 400, type: 'invalid_request_error' },
  empty_prompt: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  insufficient_scope: { status: 403, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  overloaded: { status: 503, type: 'server_error' },
  keys_unavailable: { status: 503, type: 'server_error' },
  keys_required: { status: 500, type: 'server_error' },
  key_not_found: { status: 404, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  headers_too_large: { status: 431, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported: { status: 400, type: 'invalid_request_error' },
  forbidden: { status: 403, type: 'invalid_request_error' },
  route_not_found: { status: 404, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  request_not_found: { status: 404, type: 'invalid_request_error' },
  erasure_not_found: { status: 404, type: 'invalid_request_error' },
  incident_not_found: { status: 404, type: 'invalid_request_error' },
  run_not_waiting: { status: 409, type: 'invalid_request_error' },
  incident_not_open: { status: 409, type: 'invalid_request_error' },
  payload_unreadable: { status: 400, type: 'invalid_request_error' },
  review_conflict: { status: 409, type: 'invalid_request_error' },
  nothing_to_undo: { status: 409, type: 'invalid_request_error' },
  version_not_found: { status: 404, type: 'invalid_request_error' },
  promotion_conflict: { status: 409, type: 'invalid_request_error' },
  not_certified: { status: 409, type: 'invalid_request_error' },
  version_tainted: { status: 409, type: 'invalid_request_error' },
  model_not_ready: { status: 503, type: 'server_error' },
  upstream_rejected: { status: 400, type: 'invalid_request_error' },
  upstream_busy: { status: 429, type: 'rate_limit_error' },
  upstream_failed: { status: 502, type: 'server_error' },
  redactor_unavailable: { status: 502, type: 'server_error' },
  upstream_timeout: { status: 504, type: 'server_error' },
  label_studio_failed: { status: 502, type: 'server_error' },
  database_unavailable: { status: 503, type: 'server_error' },
  artifacts_unavailable: { status: 503, type: 'server_error' },
  temporal_unavailable: { status: 503, type: 'server_error' },
  database_error: { status: 500, type: 'server_error' },
  internal_error: { status: 500, type: 'server_error' },
  invalid_config: { status: 400, type: 'invalid_request_error' },
  invalid_rows: { status: 400, type: 'invalid_request_error' },
  invalid_artifact: { status: 400, type: 'invalid_request_error' },
  invalid_arguments: { status: 400, type: 'invalid_request_error' },
  trainer_failed: { status: 422, type: 'invalid_request_error' },
  port_taken: { status: 500, type: 'server_error' },
  stack_failed: { status: 500, type: 'server_error' },
  workflow_failed: { status: 500, type: 'server_error' },
  migration_failed: { status: 500, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/**
 * The one error of the project. The message says what was wrong, what was wanted and what to do;
 * it never holds a user's text.
 */
export class RelearnError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: string;
  /** Facts of the message for programs, such as who holds what; never a user's text. */
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; details?: Readonly<Record<string, string>> },
  ) {
    super(message, options);
    this.name = 'RelearnError';
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.type = errorCatalogue[code].type;
    this.details = options?.details ?? {};
  }
}

/** The message of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
