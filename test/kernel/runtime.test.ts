import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { isFrozen, parseSignal, thawCgroup, watchOom } from '../../src/linux/index.ts';
import { execProcess, StartRefusal, type OciProcess, type ProcessStdio } from '../../src/runtime/index.ts';
import { finish, layout, openBench, pipes, runtimeNames, type Bench } from './runtimeHarness.ts';

const withStdin: ProcessStdio = { ...pipes, stdin: true };
const terminal: ProcessStdio = { ...pipes, stdin: true, tty: true, consoleSize: { height: 33, width: 77 } };
const megabyte = 1024 * 1024;

const processOf = (args: readonly string[], over: Partial<OciProcess> = {}): OciProcess => ({
  terminal: false,
  user: { uid: 0, gid: 0, additionalGids: [] },
  args,
  env: ['PATH=/bin', 'TERM=xterm'],
  cwd: '/',
  capabilities: { bounding: [] },
  noNewPrivileges: false,
  ...over,
});

const refusedWith = (exitCode: number, text: RegExp) => (error: unknown) =>
  error instanceof StartRefusal && error.exitCode === exitCode && text.test(error.message);

/** Text that arrives on a stream until it holds `wanted`. */
async function readUntil(stream: Readable, wanted: string): Promise<string> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes(wanted)) return text;
  }
  return text;
}

async function exec(bench: Bench, id: string, args: readonly string[], stdio = pipes, over: Partial<OciProcess> = {}) {
  const process = processOf(args, { terminal: stdio.tty, ...over });
  const stateDir = join(bench.dir, id, `exec-${Math.random()}`);
  return await bench.runtime.exec({ containerId: id, stateDir, stdio, process });
}

assert.ok(runtimeNames.length > 0, 'neither crun nor runc can run here');

for (const name of runtimeNames)
  describe(`a container run by ${name}`, () => {
    it('gives its output, its exit status, and leaves nothing behind', async (t) => {
      const bench = openBench(t, name);
      const { out, err, exit } = await finish(await bench.run('a', ['sh', '-c', 'echo out; echo err >&2; exit 7']));
      assert.deepEqual([out, err, exit.code], ['out\n', 'err\n', 7]);
      assert.ok(Math.abs(exit.finishedAt.getTime() - Date.now()) < 60_000);
      assert.deepEqual(bench.leftCgroups('a'), []);
      assert.equal(existsSync(join(bench.root, 'a')), false);
    });

    it('gives all of a large output, in order, to a reader that starts late', async (t) => {
      const bench = openBench(t, name);
      const process = await bench.run('a', ['sh', '-c', `seq 1 3000000; echo late >&2`]);
      await delay(50);
      const { out, err, exit } = await finish(process);
      const expected = 22_888_896;
      assert.ok(expected > 20 * megabyte);
      assert.equal(out.length, expected);
      assert.ok(out.endsWith('\n2999999\n3000000\n'));
      assert.deepEqual([err, exit.code], ['late\n', 0]);
    });

    it('is stopped by a reader that does not read', async (t) => {
      const bench = openBench(t, name);
      const process = await bench.run('a', ['yes']);
      await readUntil(process.stdout, 'y\n');
      await delay(100);
      const before = global.process.memoryUsage.rss();
      await delay(200);
      assert.ok(global.process.memoryUsage.rss() - before < 16 * megabyte);
      process.signal(parseSignal('KILL'));
      process.stdout.resume();
      process.stderr?.resume();
      assert.equal((await process.exit).code, 137);
    });

    it('reads its input to the end', async (t) => {
      const bench = openBench(t, name);
      const process = await bench.run('a', ['md5sum'], withStdin);
      const block = Buffer.alloc(megabyte, 'x');
      for (let count = 0; count < 5; count += 1) process.stdin?.write(block);
      process.stdin?.end();
      const { out, exit } = await finish(process);
      const expected = createHash('md5')
        .update(Buffer.alloc(5 * megabyte, 'x'))
        .digest('hex');
      assert.deepEqual([out, exit.code], [`${expected}  -\n`, 0]);
    });

    it('has no input unless it was asked for', async (t) => {
      const { out, exit } = await finish(await openBench(t, name).run('a', ['cat']));
      assert.deepEqual([out, exit.code], ['', 0]);
    });

    it('can end while its client still writes', async (t) => {
      const process = await openBench(t, name).run('a', ['true'], withStdin);
      const finished = finish(process);
      process.stdin?.write(Buffer.alloc(4 * megabyte));
      assert.equal((await finished).exit.code, 0);
    });

    it('gets signals, and none once it has gone', async (t) => {
      const bench = openBench(t, name);
      const process = await bench.run('a', [
        'sh',
        '-c',
        'trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done',
      ]);
      await readUntil(process.stdout, 'ready');
      assert.equal(process.signal(parseSignal('TERM')), true);
      assert.equal((await finish(process)).exit.code, 9);
      assert.equal(process.signal(parseSignal('TERM')), false);
    });

    it('runs as the user it is told, who can reopen its output', async (t) => {
      const owner = { uid: 70, gid: 71 };
      const { out, exit } = await finish(
        await openBench(t, name).run(
          'a',
          ['sh', '-c', 'id -u; id -G; echo $HOME; echo again >/dev/stdout'],
          { ...pipes, owner },
          {
            user: { ...owner, additionalGids: [71, 5] },
          },
        ),
      );
      assert.deepEqual([out, exit.code], ['70\n71 5\n/home/ann\nagain\n', 0]);
    });

    it('is refused in Docker’s words when its program is missing or cannot be run', async (t) => {
      const bench = openBench(t, name);
      await assert.rejects(
        bench.run('a', ['nope']),
        refusedWith(127, /^failed to create task .*: exec: "nope": executable file not found in \$PATH: unknown$/),
      );
      await assert.rejects(
        bench.run('b', ['/x/nope'], withStdin),
        refusedWith(127, /: exec: "\/x\/nope": stat \/x\/nope: no such file or directory: unknown$/),
      );
      await assert.rejects(
        bench.run('c', ['/bin/plain']),
        refusedWith(126, /: exec: "\/bin\/plain": permission denied/),
      );
      await assert.rejects(bench.run('d', ['/tmp'], terminal), refusedWith(126, /: exec: "\/tmp": /));
      assert.deepEqual(bench.leftCgroups('a'), []);
      assert.deepEqual(existsSync(bench.root) ? readdirSync(bench.root) : [], []);
    });

    it('has a terminal with a size that can be changed', async (t) => {
      const bench = openBench(t, name);
      const script = 'tty; stty size; trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.01; done';
      const process = await bench.run('a', ['sh', '-c', script], terminal);
      assert.equal(process.stderr, undefined);
      assert.equal(await readUntil(process.stdout, 'ready\r\n'), '/dev/pts/0\r\n33 77\r\nready\r\n');
      process.resize({ height: 20, width: 50 });
      const { out, exit } = await finish(process);
      assert.deepEqual([out, exit.code], ['20 50\r\n', 3]);
    });

    it('reads what is typed on its terminal', async (t) => {
      const process = await openBench(t, name).run(
        'a',
        ['sh', '-c', 'stty -echo; echo ready; read x; echo got $x'],
        terminal,
      );
      await readUntil(process.stdout, 'ready');
      process.stdin?.write('word\r');
      assert.match((await finish(process)).out, /got word\r\n$/);
    });

    it('tells a death for want of memory from another', async (t) => {
      const bench = openBench(t, name);
      const limited = { settings: { Memory: 16 * megabyte, ShmSize: 64 * megabyte } };
      const fill = ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=60'];
      const greedy = await bench.run('a', fill, pipes, limited);
      const greedyWatch = watchOom(layout, `${bench.cgroupParent}/a`);
      assert.equal((await finish(greedy)).exit.code, 137);
      assert.equal(await greedyWatch?.hasKilled(), true);
      const killed = await bench.run('b', ['sleep', '60'], pipes, limited);
      const killedWatch = watchOom(layout, `${bench.cgroupParent}/b`);
      killed.signal(parseSignal('KILL'));
      assert.equal((await finish(killed)).exit.code, 137);
      assert.equal(await killedWatch?.hasKilled(), false);
      assert.equal(watchOom(layout, `${bench.cgroupParent}/b`), undefined);
    });

    it('stands still while it is paused', async (t) => {
      const bench = openBench(t, name);
      const process = await bench.run('a', ['sh', '-c', 'while :; do echo tick; sleep 0.02; done']);
      await readUntil(process.stdout, 'tick');
      await bench.runtime.pause('a');
      await delay(50);
      process.stdout.read();
      await delay(150);
      assert.equal(process.stdout.readableLength, 0);
      const cgroup = `${bench.cgroupParent}/a`;
      assert.equal(isFrozen(layout, cgroup), true);
      await bench.runtime.resume('a');
      assert.equal(isFrozen(layout, cgroup), false);
      await bench.runtime.pause('a');
      thawCgroup(layout, cgroup);
      assert.equal(isFrozen(layout, cgroup), false);
      assert.equal(isFrozen(layout, `${cgroup}-none`), undefined);
      assert.match(await readUntil(process.stdout, 'tick'), /tick/);
      await bench.runtime.delete('a');
      assert.equal((await finish(process)).exit.code, 137);
    });
  });

for (const name of runtimeNames)
  describe(`an exec by ${name}`, () => {
    it('runs beside the container, with its own streams and status', async (t) => {
      const bench = openBench(t, name);
      const main = await bench.run('a', ['cat'], withStdin);
      const mainEnds = finish(main);
      const { out, err, exit } = await finish(
        await exec(bench, 'a', ['sh', '-c', 'echo $A; id -u; echo e >&2; exit 4'], pipes, {
          env: ['PATH=/bin', 'A=1'],
          user: { uid: 70, gid: 71, additionalGids: [] },
        }),
      );
      assert.deepEqual([out, err, exit.code], ['1\n70\n', 'e\n', 4]);
      const piped = await exec(bench, 'a', ['cat'], withStdin);
      piped.stdin?.end('through');
      assert.equal((await finish(piped)).out, 'through');
      main.stdin?.end();
      assert.equal((await mainEnds).exit.code, 0);
    });

    it('has a terminal, and is refused like a container', async (t) => {
      const bench = openBench(t, name);
      const main = await bench.run('a', ['cat'], withStdin);
      const mainEnds = finish(main);
      const consoleSize = { height: 12, width: 34 };
      const shell = await exec(bench, 'a', ['sh', '-c', 'echo ready; read x; stty size; exit 6'], terminal, {
        consoleSize,
      });
      await readUntil(shell.stdout, 'ready');
      shell.resize({ height: 9, width: 99 });
      shell.stdin?.write('\r');
      const { out, exit } = await finish(shell);
      assert.match(out, /9 99\r\n$/);
      assert.equal(exit.code, 6);
      await assert.rejects(
        exec(bench, 'a', ['nope']),
        refusedWith(
          127,
          /^OCI runtime exec failed: exec failed: .*: exec: "nope": executable file not found in \$PATH: unknown$/,
        ),
      );
      main.stdin?.end();
      await mainEnds;
    });

    it('takes the container’s environment and capabilities over', async (t) => {
      const bench = openBench(t, name);
      const main = await bench.run('a', ['cat'], withStdin);
      const mainEnds = finish(main);
      const container = processOf(['cat'], {
        capabilities: { bounding: ['CAP_CHOWN'], effective: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'] },
      });
      const process = execProcess({
        container,
        args: ['sh', '-c', 'echo $X $HOME; cat /proc/self/status'],
        env: ['X=2'],
        cwd: '/tmp',
        user: undefined,
        tty: false,
        privileged: false,
        boundingCapabilities: [],
      });
      const stateDir = join(bench.dir, 'a', 'exec');
      mkdirSync(stateDir);
      const { out } = await finish(await bench.runtime.exec({ containerId: 'a', stateDir, stdio: pipes, process }));
      assert.match(out, /^2 \/root\n/);
      assert.match(out, /^CapEff:\t0000000000000001$/m);
      assert.match(out, /^Seccomp:\t2$/m);
      main.stdin?.end();
      await mainEnds;
    });
  });

// runc copies a process's output itself, and waits for all who hold it.
if (runtimeNames.includes('crun'))
  it('an exec by crun ends with its process, although a child of it keeps the output open', async (t) => {
    const bench = openBench(t, 'crun');
    const main = await bench.run('a', ['cat'], withStdin);
    const mainEnds = finish(main);
    const { out, exit } = await finish(await exec(bench, 'a', ['sh', '-c', 'sleep 60 & echo done']));
    assert.deepEqual([out, exit.code], ['done\n', 0]);
    main.stdin?.end();
    await mainEnds;
  });
