import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import type { ProcessStdio } from '../../src/runtime/index.ts';
import { finish, openBench, pipes, runtimeNames, type Bench } from './runtimeHarness.ts';

const withStdin: ProcessStdio = { ...pipes, stdin: true };
const terminal: ProcessStdio = { ...pipes, stdin: true, tty: true };

interface Left {
  readonly stateDir: string;
  /** What the first daemon had read when it was killed. */
  readonly seen: string;
}

/** Runs a container under a daemon of its own that is killed as soon as it has seen some output. */
async function leaveBehind(bench: Bench, args: readonly string[], stdio: ProcessStdio): Promise<Left> {
  const { bundleDir, stateDir } = bench.bundle('a', args, { tty: stdio.tty });
  const { name, path } = bench.runtime;
  const plan = { name, path, root: bench.root, request: { id: 'a', bundleDir, stateDir, stdio } };
  const daemon = spawn(process.execPath, [join(import.meta.dirname, 'firstDaemon.ts'), JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [seen] = (await once(daemon.stdout, 'data')) as [Buffer];
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  return { stateDir, seen: seen.toString() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

const isGone = (stateDir: string, file: string): boolean => {
  const pid = readFileSync(join(stateDir, file), 'utf8').trim();
  return !existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
};

for (const name of runtimeNames)
  describe(`a container of ${name} whose daemon was killed`, () => {
    it('lives on, and the next daemon gets its output whole and its input open', async (t) => {
      const bench = openBench(t, name);
      const script = 'echo first; read x; seq 1 60000; echo $x; cat; exit 5';
      const { stateDir, seen } = await leaveBehind(bench, ['sh', '-c', script], withStdin);
      assert.equal(seen, 'first\n');
      const process = await bench.runtime.reattach(stateDir, withStdin);
      assert.ok(process?.stdin);
      process.stdin.write('word\n');
      process.stdin.end('rest');
      const { out, exit } = await finish(process);
      const numbers = Array.from({ length: 60_000 }, (_, index) => `${index + 1}\n`).join('');
      assert.equal(out, `${numbers}word\nrest`);
      assert.equal(exit.code, 5);
      await until(() => isGone(stateDir, 'wrapper') && isGone(stateDir, 'holder'));
    });

    it('that ended meanwhile still has all its output and its exit status', async (t) => {
      const bench = openBench(t, name);
      // Nothing of it is to come before the first daemon is dead: that could read it.
      const script = 'echo first; until [ -e /tmp/go ]; do sleep 0.01; done; seq 1 60000; echo end >&2; exit 6';
      const { stateDir } = await leaveBehind(bench, ['sh', '-c', script], withStdin);
      writeFileSync(join(bench.dir, 'rootfs/tmp/go'), '');
      await until(() => existsSync(join(stateDir, 'exit')));
      const process = await bench.runtime.reattach(stateDir, withStdin);
      assert.ok(process !== undefined);
      const { out, err, exit } = await finish(process);
      assert.ok(out.endsWith('\n59999\n60000\n'));
      assert.deepEqual([err, exit.code], ['end\n', 6]);
      assert.equal(process.signal(15), false);
      await until(() => isGone(stateDir, 'wrapper') && isGone(stateDir, 'holder'));
    });

    it('keeps its terminal', async (t) => {
      const bench = openBench(t, name);
      const script = 'stty -echo; echo first; read x; echo $x; stty size; exit 7';
      const { stateDir, seen } = await leaveBehind(bench, ['sh', '-c', script], terminal);
      assert.equal(seen, 'first\r\n');
      const process = await bench.runtime.reattach(stateDir, terminal);
      assert.ok(process?.stdin);
      process.resize({ height: 11, width: 22 });
      process.stdin.write('word\r');
      const { out, exit } = await finish(process);
      assert.deepEqual([out, exit.code], ['word\r\n11 22\r\n', 7]);
    });

    it('is followed to its end when its wrapper was killed too', async (t) => {
      const bench = openBench(t, name);
      const { stateDir } = await leaveBehind(bench, ['sh', '-c', 'echo first; cat'], withStdin);
      process.kill(Number(readFileSync(join(stateDir, 'wrapper'), 'utf8')), 'SIGKILL');
      const taken = await bench.runtime.reattach(stateDir, withStdin);
      assert.ok(taken?.stdin);
      taken.stdin.end('late');
      const { out, exit } = await finish(taken);
      assert.deepEqual([out, exit.code], ['late', 137]);
    });

    it('leaves no helper when it is not taken back', async (t) => {
      const bench = openBench(t, name);
      const { stateDir } = await leaveBehind(bench, ['sh', '-c', 'echo first; cat'], withStdin);
      bench.runtime.discard(stateDir);
      await until(() => isGone(stateDir, 'wrapper') && isGone(stateDir, 'holder'));
      bench.runtime.discard(join(bench.dir, 'nothing'));
    });

    it('cannot be taken back from a directory where nothing was started', async (t) => {
      const bench = openBench(t, name);
      assert.equal(await bench.runtime.reattach(join(bench.dir, 'nothing'), pipes), undefined);
    });
  });
