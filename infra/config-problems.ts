import { z } from 'zod';
import { configSchema } from '../src/config.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.JSONSchema._JSONSchema;

/** The JSON Schema of relearn.yaml, as shipped for editors. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configSchema, { io: 'input' });
}

/** One line for each problem: where, what was wrong, what was wanted. */
export function describeIssue(issue: Issue): string[] {
  const place = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path.map(String));
    return issue.keys.map((key) => `${join(place, key)}: ${unknownKey(key, known)}`);
  }
  return [`${place || 'the file'}: ${describe(issue)}`];
}

function describe(issue: Issue): string {
  if (issue.code === 'invalid_union') {
    if (issue.errors.length > 0) return [...new Set(issue.errors.flat().map(describe))].join(', or ');
    const values = schemasAt(issue.path.map(String)).map((schema) => schema.const);
    return `wanted ${values.map((value) => JSON.stringify(value)).join(' or ')}`;
  }
  if (issue.code === 'invalid_key') return issue.issues.map(describe).join(', or ');
  return issue.message.replace('Invalid input: expected', 'wanted').replace('Invalid option: expected', 'wanted');
}

function unknownKey(key: string, known: readonly string[]): string {
  const guess = nearest(key, known);
  return guess === undefined ? `unknown. Known here: ${known.join(', ')}` : `unknown. Did you mean ${guess}?`;
}

function join(place: string, key: string): string {
  return place === '' ? key : `${place}.${key}`;
}

function keysAt(path: readonly string[]): string[] {
  return [...new Set(schemasAt(path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The schemas that a value at `path` may follow; several where the file may hold one of several shapes. */
function schemasAt(path: readonly string[]): z.core.JSONSchema.BaseSchema[] {
  let schemas = alternatives(configJsonSchema());
  for (const step of path) {
    schemas = schemas.flatMap(({ properties, additionalProperties, items }) =>
      alternatives(properties?.[step] ?? additionalProperties ?? (Array.isArray(items) ? undefined : items)),
    );
  }
  return schemas;
}

function alternatives(schema: Schema | undefined): z.core.JSONSchema.BaseSchema[] {
  if (schema === undefined || typeof schema === 'boolean') return [];
  const branches = schema.anyOf ?? schema.oneOf;
  return branches === undefined ? [schema] : branches.flatMap(alternatives);
}
