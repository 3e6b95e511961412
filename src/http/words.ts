import { z } from 'zod';

/** Postgres refuses NUL in text, and other control characters have no place in names. */
const printable = /^\P{Cc}+$/u;

/** A request id as callers send it back: ours, or one of an imported log. */
export const requestId = z.string().max(200).regex(printable, 'wanted a request id');

/** A short name that people type: an operator, a tag, a monitor. */
export const label = z
  .string()
  .trim()
  .max(200)
  .regex(printable, 'wanted 1 to 200 characters without control characters');
