import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

// Imports go one way: workflows -> types of activities -> src; infra imports everything, nothing imports infra.
const only = (message, ...regexes) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { patterns: regexes.map((regex) => ({ regex, message, allowTypeImports: false })) },
  ],
});

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', '.relearn/', '.venv/'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/console/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/consistent-type-assertions': [
        'error',
        { assertionStyle: 'as', objectLiteralTypeAssertions: 'never' },
      ],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    rules: only('src imports src only', '(^|/)(activities|workflows|infra|test|bench)/'),
  },
  {
    files: ['activities/**/*.ts'],
    rules: only('activities import src only', '(^|/)(workflows|infra|test|bench)/'),
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '(^|/)activities/',
              message: 'workflows import the types of activities only',
              allowTypeImports: true,
            },
            { regex: '(^|/)(infra|test|bench)/', message: 'workflows import src and types of activities' },
            { regex: '^(node:|pg$|fastify|onnxruntime|zod|pino|undici)', message: 'workflows are deterministic' },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'describe', 'it'] }] },
      ],
    },
  },
);
