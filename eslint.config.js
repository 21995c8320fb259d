import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Beside the code or in properties/: they may look at files, and be blunter. */
const TESTS = ['**/*.test.ts', 'properties/**/*.ts', 'vitest.*.ts'];
const DOMAIN = ['domain/**/*.ts'];
const APPLICATION = ['application/**/*.ts'];
const PRODUCT = ['index.ts', 'domain/**/*.ts', 'application/**/*.ts', 'infrastructure/**/*.ts'];
/** Who may open files: everyone else goes through the file-system port. */
const MAY_OPEN_FILES = ['infrastructure/file-system/**/*.ts', 'bench/**/*.ts', 'demo/**/*.ts', ...TESTS];

const NO_FILES = 'Files are opened in infrastructure/file-system only; use its port.';
const FILE_MODULES = ['fs', 'fs/promises', 'node:fs', 'node:fs/promises'].map((name) => ({
  name,
  message: NO_FILES,
  allowTypeImports: true,
}));
const OPTIONAL_PACKAGE = {
  name: 'koffi',
  message: 'koffi may be missing: load it with import() where its absence is handled.',
  allowTypeImports: true,
};

/** What would let time, chance or the machine into a pure function. */
const IMPURE_GLOBALS = [
  ...[
    'Date',
    'process',
    'Buffer',
    'performance',
    'crypto',
    'fetch',
    'console',
    'queueMicrotask',
    'global',
    'globalThis',
  ],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
].map((name) => ({
  name,
  message: 'The domain is pure: this comes in on the command, or the step belongs in application/.',
}));

/** What the recommended set of eslint has and typescript-eslint's does not; only what finds mistakes. */
const MISTAKES = {
  'array-callback-return': 'error',
  'default-case-last': 'error',
  eqeqeq: 'error',
  'for-direction': 'error',
  'no-async-promise-executor': 'error',
  'no-case-declarations': 'error',
  'no-compare-neg-zero': 'error',
  'no-cond-assign': 'error',
  'no-constant-binary-expression': 'error',
  'no-constructor-return': 'error',
  'no-debugger': 'error',
  'no-dupe-else-if': 'error',
  'no-duplicate-case': 'error',
  'no-empty': 'error',
  'no-eval': 'error',
  'no-ex-assign': 'error',
  'no-loss-of-precision': 'error',
  'no-misleading-character-class': 'error',
  'no-promise-executor-return': 'error',
  'no-self-assign': 'error',
  'no-self-compare': 'error',
  'no-sequences': 'error',
  'no-shadow-restricted-names': 'error',
  'no-sparse-arrays': 'error',
  'no-template-curly-in-string': 'error',
  'no-unassigned-vars': 'error',
  'no-unmodified-loop-condition': 'error',
  'no-unreachable-loop': 'error',
  'no-unsafe-finally': 'error',
  'no-unsafe-optional-chaining': 'error',
  'no-useless-assignment': 'error',
  'no-useless-backreference': 'error',
  'no-useless-catch': 'error',
  'no-useless-escape': 'error',
  'no-useless-rename': 'error',
  'preserve-caught-error': 'error',
  radix: 'error',
  'require-yield': 'error',
  'use-isnan': 'error',
  'valid-typeof': 'error',
};

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'node_modules/', '.scratch/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...MISTAKES,
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // A default does not stand for "the rest": every member of a union is named, as STYLE asks.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/strict-boolean-expressions': 'off',

      // Below: noise without safety.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        {
          allowNumber: true,
          allowBoolean: true,
          allowNever: true,
          allowAny: false,
          allowNullish: false,
          allowRegExp: false,
        },
      ],
      '@typescript-eslint/restrict-plus-operands': ['error', { allowNumberAndString: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // A port's in-memory adapter has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Bytes of a typed array at an index that was checked; `?? 0` would hide what `!` at least shows.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: PRODUCT,
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [OPTIONAL_PACKAGE] }] },
  },
  {
    files: PRODUCT,
    ignores: MAY_OPEN_FILES,
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { paths: [OPTIONAL_PACKAGE, ...FILE_MODULES] }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportExpression > Literal[value=/^(node:)?fs(\\u002f|$)/]', message: NO_FILES },
      ],
    },
  },
  {
    files: DOMAIN,
    ignores: TESTS,
    rules: { 'no-restricted-globals': ['error', ...IMPURE_GLOBALS] },
  },
  {
    files: [...DOMAIN, ...APPLICATION],
    ignores: TESTS,
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Chance comes in through the identifiers port.' },
        { object: 'Date', property: 'now', message: 'Time comes in through the clock port.' },
      ],
    },
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    rules: { ...MISTAKES, 'no-unused-vars': 'error', 'prefer-const': 'error', 'no-var': 'error' },
  },
);
