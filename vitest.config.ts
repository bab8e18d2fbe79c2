import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A TensorFlow engine exists once per process: every test file gets a process of its own, two at a time.
    pool: 'forks',
    isolate: true,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          environment: 'node',
          include: ['electron/**/*.test.ts', 'shared/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['electron/**/*.webgpu.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          // In a plain Node: Electron does not let an addon's memory be read. scripts/test.mjs says which adapter.
          name: 'webgpu',
          environment: 'node',
          include: ['electron/**/*.webgpu.test.ts'],
          testTimeout: 240_000,
        },
      },
      {
        extends: true,
        plugins: [vue()],
        test: {
          name: 'renderer',
          environment: 'happy-dom',
          include: ['renderer/**/*.test.ts'],
        },
      },
    ],
  },
});
