import { defineConfig } from 'vitest/config'

/** Fast tests run before each commit; slow ones need servers and tools, or run whole drills. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts', 'test/**/*.real-stack.test.ts', 'test/real-stack/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts', 'docs/examples/**/*.test.ts'],
          globalSetup: ['test/cli/build-before.ts'],
          testTimeout: 240_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Real servers, got by `npm run real-stack`, and the image: one file at a time, each starts its own.
        test: {
          name: 'real-stack',
          include: ['test/real-stack/**/*.test.ts', 'test/**/*.real-stack.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
    // What a test leaves behind (timers of the engine) must not keep the run alive.
    teardownTimeout: 1_000,
  },
})
