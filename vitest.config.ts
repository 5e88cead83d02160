import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', ['json', { outputFile: '.cache/test-results.json' }]],
    // Real servers on a loaded machine: a budget of milliseconds can pass while a process waits for its turn.
    retry: process.env['CI'] === undefined ? 0 : 2,
    // V8 now and then aborts where WebAssembly comes and goes: `Check failed: jit_page.has_value()` (nodejs/node#64500).
    execArgv: ['--no-memory-protection-keys'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
