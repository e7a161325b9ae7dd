/** The gate: what a machine can say of the code without running it. Each check counts as one test. */
import path from 'node:path';

import { run } from '../test/support/run.ts';
import type { Counts } from './reporter.ts';

const repository = path.resolve(import.meta.dirname, '..');
const code = ['src', 'test', 'scripts', 'bench'];

/** Part of the gate, not of the tests after it. */
export const architectureTest = 'test/architecture.test.ts';

const checks: Readonly<Record<string, readonly string[]>> = {
  format: ['node_modules/.bin/oxfmt', '--check', ...code],
  types: ['node_modules/typescript7/bin/tsc', '--noEmit'],
  lint: ['node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', ...code],
  'import directions': [process.execPath, '--test', architectureTest],
  'unused code': ['node_modules/.bin/knip', '--no-progress'],
};

/** Runs every check, shows the output of those that fail. */
export async function runGate(): Promise<Counts> {
  let passed = 0;
  let failed = 0;
  for (const [name, [command = '', ...args]] of Object.entries(checks)) {
    const result = await run(command, args, { cwd: repository, timeoutMs: 180_000 });
    if (result.code === 0) passed += 1;
    else {
      failed += 1;
      console.log(`\nFAILED: ${name}\n${result.stdout}${result.stderr}`.trimEnd());
    }
  }
  return { passed, failed, skipped: 0 };
}

if (import.meta.main) {
  const { passed, failed } = await runGate();
  console.log(`gate: ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
