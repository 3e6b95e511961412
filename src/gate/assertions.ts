import { z } from 'zod';
import { compileText } from './check-text.ts';
import type { Check, Given, Outcome } from './check.ts';

const weight = z.number().min(0).default(1);
const share = z.number().min(0).max(1);
const text = z.string().min(1);
const texts = z.array(text).min(1);
const json = z.union([z.string(), z.number(), z.boolean(), z.array(z.json()), z.record(z.string(), z.json())]);

/** Each assertion and its opposite. */
const either = <Name extends string>(name: Name) => z.enum([name, `not-${name}` as const]);

const assertionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: either('equals'), value: json, weight }),
  z.strictObject({ type: either('contains'), value: text, weight }),
  z.strictObject({ type: either('icontains'), value: text, weight }),
  z.strictObject({ type: either('starts-with'), value: text, weight }),
  z.strictObject({ type: either('contains-any'), value: texts, weight }),
  z.strictObject({ type: either('contains-all'), value: texts, weight }),
  z.strictObject({ type: either('icontains-any'), value: texts, weight }),
  z.strictObject({ type: either('icontains-all'), value: texts, weight }),
  z.strictObject({ type: either('regex'), value: text, weight }),
  z.strictObject({ type: either('is-json'), value: z.record(z.string(), z.json()).optional(), weight }),
  z.strictObject({ type: either('no-pii'), weight }),
  z.strictObject({ type: either('latency'), threshold: z.number().positive(), weight }),
  z.strictObject({ type: either('similar'), value: z.union([text, texts]), threshold: share.default(0.75), weight }),
  z.strictObject({ type: either('llm-rubric'), value: text, threshold: share.optional(), weight }),
]);

export type Assertion = z.output<typeof assertionSchema>;

/**
 * An assertion of a case, named as promptfoo names it, ready to be run. What cannot work, such as a broken regular
 * expression or JSON schema, is an issue of the value.
 */
export const checkSchema = assertionSchema.transform((assertion, context): Check => {
  try {
    return compile(assertion);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    context.addIssue({ code: 'custom', path: ['value'], message });
    return z.NEVER;
  }
});

/** The check behind a case that gives a completion only: equality without the white space around. */
export function equalsCheck(completion: string): Check {
  return compile({ type: 'equals', value: completion, weight: 1 });
}

function compile(assertion: Assertion): Check {
  const negated = assertion.type.startsWith('not-');
  const { run, needs } = compilePlain(assertion);
  return {
    weight: assertion.weight,
    ...(needs === undefined ? {} : { needs }),
    async run(given, scorers) {
      const outcome = await run(given, scorers);
      return outcome === null || !negated ? outcome : { passed: !outcome.passed, score: 1 - outcome.score };
    },
  };
}

type Plain = Pick<Check, 'needs'> & { run: (...given: Parameters<Check['run']>) => ReturnType<Check['run']> | Outcome };

function compilePlain(assertion: Assertion): Plain {
  switch (assertion.type) {
    case 'latency':
    case 'not-latency':
      return { needs: 'latency', run: ({ latencyMs }) => binary(latencyMs <= assertion.threshold) };
    case 'similar':
    case 'not-similar': {
      const wanted = Array.isArray(assertion.value) ? assertion.value : [assertion.value];
      return {
        needs: 'embeddings',
        async run({ text: answer }, { similarity }) {
          const score = await similarity(answer, wanted);
          return score === null ? null : { passed: score >= assertion.threshold, score: Math.max(0, score) };
        },
      };
    }
    case 'llm-rubric':
    case 'not-llm-rubric':
      return {
        needs: 'judge',
        async run(given, { rubric }) {
          const graded = await rubric(given, assertion.value);
          if (graded === null) return null;
          return { passed: graded.passed && graded.score >= (assertion.threshold ?? 0), score: graded.score };
        },
      };
    default: {
      const holds = compileText(assertion);
      return { run: ({ text: answer }: Given) => binary(holds(answer)) };
    }
  }
}

function binary(passed: boolean): Outcome {
  return { passed, score: passed ? 1 : 0 };
}
