import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import { RE2JS } from 're2js';
import { redactText } from '../log/redact/index.ts';
import type { Assertion } from './assertions.ts';

type TextAssertion = Exclude<Assertion, { type: `${string}latency` | `${string}similar` | `${string}llm-rubric` }>;

/**
 * The assertion, leaving out its `not-`, as a function of the answer. Throws when its value cannot work.
 */
export function compileText(assertion: TextAssertion): (answer: string) => boolean {
  switch (assertion.type) {
    case 'equals':
    case 'not-equals':
      return compileEquals(assertion.value);
    case 'contains':
    case 'not-contains':
      return (answer) => answer.includes(assertion.value);
    case 'icontains':
    case 'not-icontains':
      return (answer) => fold(answer).includes(fold(assertion.value));
    case 'starts-with':
    case 'not-starts-with':
      return (answer) => answer.trimStart().startsWith(assertion.value);
    case 'contains-any':
    case 'not-contains-any':
      return (answer) => assertion.value.some((part) => answer.includes(part));
    case 'contains-all':
    case 'not-contains-all':
      return (answer) => assertion.value.every((part) => answer.includes(part));
    case 'icontains-any':
    case 'not-icontains-any':
      return (answer) => assertion.value.some((part) => fold(answer).includes(fold(part)));
    case 'icontains-all':
    case 'not-icontains-all':
      return (answer) => assertion.value.every((part) => fold(answer).includes(fold(part)));
    case 'regex':
    case 'not-regex': {
      const pattern = compilePattern(assertion.value);
      return (answer) => pattern.test(answer);
    }
    case 'is-json':
    case 'not-is-json':
      return compileIsJson(assertion.value);
    case 'no-pii':
    case 'not-no-pii':
      return (answer) => Object.keys(redactText(answer).found).length === 0;
  }
}

/** A text equals without the white space around it, anything else as the JSON that the answer is. */
function compileEquals(value: unknown): (answer: string) => boolean {
  if (typeof value === 'string') return (answer) => answer.trim() === value.trim();
  return (answer) => {
    const parsed = parseJson(answer);
    return parsed !== undefined && isDeepStrictEqual(parsed.value, value);
  };
}

/** RE2, whose time is linear in the answer: a pattern that backtracks could hang the worker. */
function compilePattern(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch {
    throw new Error('not a regular expression of RE2, which has neither look-around nor back-references');
  }
}

function compileIsJson(schema: Record<string, unknown> | undefined): (answer: string) => boolean {
  if (schema === undefined) return (answer) => parseJson(answer) !== undefined;
  const validate = compileSchema(schema);
  return (answer) => {
    const parsed = parseJson(answer);
    return parsed !== undefined && validate(parsed.value);
  };
}

function compileSchema(schema: Record<string, unknown>): (value: unknown) => boolean {
  const regExp = Object.assign((source: string) => compilePattern(source), { code: 'RE2' });
  // `format` is an annotation, as the standard has it unless asked otherwise.
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false, code: { regExp } });
  try {
    const validate = ajv.compile(schema);
    return (value) => validate(value);
  } catch (error) {
    throw new Error(`not a JSON schema: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function fold(text: string): string {
  return text.toLowerCase();
}
