import prettier from 'eslint-config-prettier/flat';
import vue from 'eslint-plugin-vue';
import tseslint from 'typescript-eslint';
import { layers } from './scripts/lint-layers.mjs';

const globals = Object.fromEntries(
  [
    'console',
    'process',
    'Buffer',
    'URL',
    'fetch',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'AbortController',
    'AbortSignal',
  ].map((name) => [name, 'readonly']),
);

export default tseslint.config(
  { ignores: ['out/', 'dist/', 'build/', 'node_modules/', 'test-results/', 'playwright-report/', 'coverage/'] },
  {
    files: ['**/*.ts', '**/*.vue'],
    extends: [...tseslint.configs.recommendedTypeChecked, ...vue.configs['flat/recommended']],
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    plugins: { layers },
    rules: {
      'layers/one-way': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'vue/multi-word-component-names': 'off',
      'vue/no-v-html': 'error',
      'vue/require-default-prop': 'off',
      // Words belong into the catalogue; signs and units are the same in every language.
      'vue/no-bare-strings-in-template': [
        'error',
        {
          allowlist: [
            ...'()[]{}<>,.:;…·•–—-+±×÷=≤≥≈→←↑↓/|%#*&$€ε∞‖λμσ°'.split(''),
            '&nbsp;',
            'px',
            'in',
            'ms',
            's',
            'MB',
            'GB',
          ],
        },
      ],
    },
  },
  {
    // One module talks to ipcMain; everything else goes through the contract.
    files: ['electron/**/*.ts'],
    ignores: ['electron/main/ipc*', 'electron/main/ipc*/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'electron', importNames: ['ipcMain'], message: 'Only electron/main/ipc talks to ipcMain.' }],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', '**/*-suite.ts', 'e2e/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // Asymmetric matchers such as expect.stringMatching are typed as any.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      'no-console': 'off',
    },
  },
  { files: ['electron/cli/**/*.ts', 'electron/compute/job-host.ts'], rules: { 'no-console': 'off' } },
  { files: ['*.config.ts', 'e2e/**/*.ts', 'docs/examples/*.ts'], rules: { 'no-restricted-exports': 'off' } },
  {
    files: ['**/*.mjs'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'module', globals },
    rules: { 'no-undef': 'error', 'no-unused-vars': 'error', eqeqeq: 'error' },
  },
  prettier,
);
