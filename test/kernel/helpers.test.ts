/** Programs that do not do what they should: an OCI runtime that hangs, and processes that nobody reaps. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { isKind, silentLogger } from '../../src/base/index.ts';
import { runProgram } from '../../src/linux/index.ts';
import { openRuntime, type OciRuntime } from '../../src/runtime/index.ts';
import { eventually, must } from '../support/run.ts';
import { pipes } from './runtimeHarness.ts';

interface Hung {
  readonly dir: string;
  readonly runtime: OciRuntime;
  /** Pids of what the script has started. */
  readonly processes: () => Promise<string[]>;
}

/** A runtime that is a shell script, and has 300 ms for everything. */
function openHung(t: TestContext, script: string): Hung {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-hung-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'runtime');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const limitsMs = { start: 300, other: 300 };
  const runtime = openRuntime({ name: 'hung', path, root: dir, logger: silentLogger, limitsMs });
  const processes = async (): Promise<string[]> => {
    const lines = (await must('ps', ['-eo', 'pid,args'])).split('\n');
    return lines.filter((line) => line.includes(`${dir}/`));
  };
  return { dir, runtime, processes };
}

describe('an OCI runtime that hangs', () => {
  it('is killed with what it started when its time for a start is over', async (t) => {
    const { dir, runtime, processes } = openHung(t, 'sh -c "sleep 1000; :"; :');
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ process: { args: ['true'] } }));
    const started = runtime.run({ id: 'a', bundleDir: dir, stateDir: join(dir, 'process'), stdio: pipes });
    await assert.rejects(
      started,
      (error) => isKind(error, 'internal') && /^hung run did not end within 0.3 s and was killed$/.test(error.message),
    );
    await eventually('nothing of it runs', async () => (await processes()).length === 0);
  });

  it('is killed when its time for anything else is over', async (t) => {
    const { runtime, processes } = openHung(t, 'sleep 1000; :');
    await assert.rejects(runtime.pause('a'), /killed after 0.3 s without an end/);
    await eventually('nothing of it runs', async () => (await processes()).length === 0);
  });
});

describe('a program', () => {
  it('that lives on when it has closed its output holds nobody up', async () => {
    let turns = 0;
    const over = new AbortController();
    const count = async (): Promise<void> => {
      for (; !over.signal.aborted; turns++) await nextTurn();
    };
    const counted = count();
    const script = 'echo said; exec >/dev/null 2>&1; sleep 0.2; exit 3';
    const result = await runProgram('/bin/sh', ['sh', '-c', script], []);
    over.abort();
    await counted;
    assert.deepEqual(result, { code: 3, output: 'said\n' });
    assert.ok(turns > 100, `${turns} turns of the event loop`);
  });

  it('that loses its parent below the daemon is reaped by the daemon', async () => {
    const daemon = `
      const { adoptOrphans, runProgram } = await import('${join(import.meta.dirname, '../../src/linux/index.ts')}');
      adoptOrphans();
      const { output } = await runProgram('/bin/sh', ['sh', '-c', '(sleep 0.1 >/dev/null 2>&1 & echo $!)'], []);
      const pid = output.trim();
      const { readFileSync, existsSync } = await import('node:fs');
      const parent = /^PPid:\\t(\\d+)/m.exec(readFileSync('/proc/' + pid + '/status', 'utf8'))[1];
      while (existsSync('/proc/' + pid)) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(parent === String(process.pid));`;
    const ran = await must(process.execPath, ['--input-type=module', '-e', daemon], { timeoutMs: 10_000 });
    assert.equal(ran, 'true\n');
  });
});
