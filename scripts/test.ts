/**
 * `npm test`: the gate, then every test file of the repository, stage by stage, each told with its time. With stage
 * names as arguments (`npm test -- unit e2e`) only those. The last line is `N passed, N failed, N skipped`.
 *
 * The end-to-end tests run with the stock docker CLI where there is one, and once more with `gantry` (`e2e-gantry`): both must
 * do everything. With GANTRY_E2E_CLI they run once, with that program.
 */
import { globSync } from 'node:fs';
import path from 'node:path';

import { clientProgram, gantryProgram } from '../test/support/daemon.ts';
import { RunningProcess } from '../test/support/run.ts';
import { architectureTest, runGate } from './gate.ts';
import { type Counts, countsMark } from './reporter.ts';

interface Stage {
  readonly name: string;
  readonly takes: (file: string) => boolean;
  /** All files in one process, one after the other (quick, shared set-up), or a process a file. */
  readonly oneProcess: boolean;
  /** Files of another stage, in another environment. */
  readonly again?: { readonly of: string; readonly without: string; readonly env: Readonly<Record<string, string>> };
}

// with DOCKER_HOST the daemon is somebody else's, and what only gantryd promises is not asked of it
const foreignDaemon = Boolean(process.env['DOCKER_HOST']);

/** Every file goes to the first stage that takes it. */
const stages: readonly Stage[] = [
  { name: 'http', takes: (file) => file.startsWith('test/http/'), oneProcess: true },
  { name: 'kernel', takes: (file) => file.startsWith('test/kernel/'), oneProcess: false },
  { name: 'e2e', takes: (file) => file.startsWith('test/e2e/'), oneProcess: true },
  { name: 'unit', takes: () => true, oneProcess: true },
  {
    name: 'e2e-gantry',
    takes: () => false,
    oneProcess: true,
    again: { of: 'e2e', without: 'test/e2e/gantry/', env: { GANTRY_E2E_CLI: gantryProgram } },
  },
];
const order = ['gate', 'unit', 'http', 'kernel', 'e2e', 'e2e-gantry'];

const repository = path.resolve(import.meta.dirname, '..');
const stageTimeoutMs = 12 * 60_000;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !order.includes(name));
if (unknown.length > 0) throw new Error(`no such stage: ${unknown.join(', ')}; there are ${order.join(', ')}`);

if (foreignDaemon) {
  console.log(
    `DOCKER_HOST is set: the end-to-end tests go to the daemon at ${process.env['DOCKER_HOST']}, not to one of their own`,
  );
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of asked.length > 0 ? order.filter((each) => asked.includes(each)) : await usualStages()) {
  const begun = Date.now();
  const counts = name === 'gate' ? await runGate() : await runStage(name);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  console.log(`${name}: ${counts.passed} of ${counts.passed + counts.failed + counts.skipped} in ${seconds} s`);
}
console.log(sentence(total));
process.exitCode = total.failed === 0 ? 0 : 1;

/** Without arguments: all, but for a second run of the end-to-end tests that would be the first one again. */
async function usualStages(): Promise<readonly string[]> {
  const isOnce = foreignDaemon || Boolean(process.env['GANTRY_E2E_CLI']) || (await clientProgram()) === gantryProgram;
  return isOnce ? order.filter((name) => name !== 'e2e-gantry') : order;
}

function sentence(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

async function runStage(name: string): Promise<Counts> {
  const stage = stages.find((candidate) => candidate.name === name);
  const files = stage === undefined ? [] : filesOf(stage);
  if (stage === undefined || files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const reporter = path.join(repository, 'scripts/reporter.ts');
  const flags = ['--test', '--test-timeout=300000', '--test-concurrency=2', `--test-reporter=${reporter}`];
  const isolation = stage.oneProcess ? ['--test-isolation=none'] : [];
  const child = new RunningProcess(process.execPath, [...flags, ...isolation, ...files], {
    cwd: repository,
    timeoutMs: stageTimeoutMs,
    // a library's warning of Node's own would drown what matters
    env: { NODE_NO_WARNINGS: '1', ...stage.again?.env },
  });
  child.stdin.end();
  const result = await child.ended.catch((error: Error) => ({ code: 1, stdout: child.stdout, stderr: error.message }));
  return told(result);
}

function filesOf({ name, again }: Stage): string[] {
  return again === undefined ? filesFor(name) : filesFor(again.of).filter((file) => !file.startsWith(again.without));
}

function filesFor(name: string): string[] {
  return testFiles().filter((file) => stages.find((candidate) => candidate.takes(file))?.name === name);
}

/** Shows what the run said and gives its counts; a run that died without counts, or failed with none failed, is a failure. */
function told(result: { code: number; stdout: string; stderr: string }): Counts {
  const lines = result.stdout.split('\n');
  const counted = lines.findLast((line) => line.startsWith(countsMark));
  const text = lines
    .filter((line) => !line.startsWith(countsMark))
    .join('\n')
    .trimEnd();
  if (text !== '') console.log(text);
  const counts: Counts = counted === undefined ? noCounts : (JSON.parse(counted.slice(countsMark.length)) as Counts);
  if (result.code === 0 && counted !== undefined) return counts;
  console.error(result.stderr.trimEnd());
  return { ...counts, failed: Math.max(counts.failed, 1) };
}

const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

function testFiles(): string[] {
  const patterns = ['src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'];
  return globSync(patterns, { cwd: repository })
    .filter((file) => file !== architectureTest && !(foreignDaemon && file.startsWith('test/e2e/gantry/')))
    .toSorted();
}
