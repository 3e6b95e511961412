import { errorCatalogue, errorMessage, RelearnError, type ErrorCode } from './errors.ts';

/** An error on its way between threads: structured clone keeps no class and no code. */
export interface ThreadFailure {
  code: ErrorCode;
  message: string;
}

/** What a thread sends of anything it caught. */
export function packFailure(error: unknown): ThreadFailure {
  return { code: error instanceof RelearnError ? error.code : 'internal_error', message: errorMessage(error) };
}

/** The error a thread sent. */
export function unpackFailure({ code, message }: ThreadFailure): RelearnError {
  return new RelearnError(code in errorCatalogue ? code : 'internal_error', message);
}
