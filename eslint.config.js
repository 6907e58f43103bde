import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const notInCore = ['process', 'Buffer', 'global', 'setImmediate', 'require'];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/.next/', '.cache/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // A queue that forgets a promise forgets an event.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // isolatedDeclarations asks for the annotations that this rule would take away.
      '@typescript-eslint/no-inferrable-types': 'off',
      // A port's promise is part of its shape, whether this implementation waits or not.
      '@typescript-eslint/require-await': 'off',
      // Nothing here uses `this`: objects are literals, and their methods can be passed around.
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['**/test/**', '**/*.test.ts', 'bench/**', 'examples/**'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      'no-restricted-properties': [
        'error',
        {
          object: 'vi',
          property: 'waitFor',
          message:
            'It gives up after one second. expect.poll waits as long as the configuration says.',
        },
      ],
    },
  },
  {
    // core runs on any runtime with Web Crypto: nothing of Node's, nothing printed.
    files: ['packages/core/src/**'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', ...notInCore],
    },
  },
  {
    // Time comes from the injected clock: tests and the simulation move it.
    files: ['packages/core/src/**'],
    ignores: ['packages/core/src/shared/clock.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['Date', 'performance'].map((object) => ({
          ...{ object, property: 'now' },
          message: 'Use clock.now() or monotonicMs(clock).',
        })),
        {
          ...{ object: 'AbortSignal', property: 'any' },
          message:
            'Node 20 keeps such a signal for ever if one listener stays. Use followSignals().',
        },
      ],
      'no-restricted-globals': [
        'error',
        ...notInCore,
        ...['setTimeout', 'setInterval'].map((name) => ({ name, message: 'Use clock.after().' })),
      ],
    },
  },
  {
    files: ['packages/*/src/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportExpression[source.type!="Literal"]',
          message: 'check:arrows reads imports, and cannot read one whose name is computed.',
        },
        {
          selector:
            'CallExpression[callee.property.name=/^safeParse/], CallExpression[callee.object.name=/schema$/i][callee.property.name=/^parse/]',
          message: "An error would have zod's wording. Use validate() of core.",
        },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  {
    // Their frameworks are installed by check-examples.mjs only, which checks their types.
    files: ['examples/{nest,next,workers}/**'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        Request: 'readonly',
        Response: 'readonly',
      },
    },
  },
  prettier,
);
