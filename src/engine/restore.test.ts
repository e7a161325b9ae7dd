import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { createdState, exited, restarting, started, type ContainerRecord } from '../containers/index.ts';

import { pauseContainer } from './pauseContainer.ts';
import { removeContainer } from './removeContainer.ts';
import { restore } from './restore.ts';
import { stopContainer } from './stopContainer.ts';
import { FakeProcess, openBench, until, type Bench } from './testBench.ts';
import { waitContainer } from './waitContainer.ts';

const id = 'e'.repeat(64);
const at = '2025-01-01T00:00:00Z';
const running = started(createdState, 4711, at);
const ended = exited(running, { exitCode: 1, oomKilled: false }, at);
const policy = (Name: 'always' | 'unless-stopped'): Pick<ContainerRecord, 'hostConfig'> => ({
  hostConfig: { Runtime: 'fake', NetworkMode: 'bridge', RestartPolicy: { Name, MaximumRetryCount: 0 } },
});
let bench: Bench;

const stateOf = (): ContainerRecord['state'] => bench.parts.containers.find(id).state;

beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

describe('a daemon that starts', () => {
  it('takes a running container back, and sees its end', async () => {
    bench.add(id, { state: running });
    const { dir } = bench.parts.execPaths.container(id);
    const process = new FakeProcess(4711);
    for (const path of [dir, bench.parts.dataPaths.container(id).dir]) mkdirSync(path, { recursive: true });
    bench.runtime.left.set(dir, process);
    await restore(bench.parts);
    assert.equal(stateOf().status, 'running');
    assert.equal(existsSync(dir), true);
    const { exit } = await waitContainer(bench.parts, id, 'next-exit', new AbortController().signal);
    const settled = bench.parts.live.get(id)?.settled;
    process.end(7);
    assert.deepEqual(await exit, { StatusCode: 7 });
    await settled;
    assert.equal(existsSync(dir), false);
  });

  it('keeps a container that it cannot take back at first, and gets it in hand later', async () => {
    bench.add(id, { state: running });
    const { dir } = bench.parts.execPaths.container(id);
    for (const path of [dir, bench.parts.dataPaths.container(id).dir]) mkdirSync(path, { recursive: true });
    bench.runtime.left.set(dir, new FakeProcess(4711));
    bench.runtime.failedReattachments = 3;
    mock.timers.enable({ apis: ['setTimeout'] });
    const restored = restore(bench.parts);
    for (const [left, waitMs] of [
      [2, 100],
      [1, 200],
    ] as const) {
      await until(() => bench.runtime.failedReattachments === left);
      await new Promise((resolve) => setImmediate(resolve));
      mock.timers.tick(waitMs);
    }
    await restored;
    assert.equal(existsSync(dir), true);
    assert.deepEqual([stateOf().status, bench.parts.live.get(id)], ['running', undefined]);
    await assert.rejects(
      stopContainer(bench.parts, id, { timeoutSeconds: 0, signal: undefined }),
      /out of this daemon's hand/,
    );
    mock.timers.tick(5_000);
    await until(() => bench.parts.live.get(id) !== undefined);
    await stopContainer(bench.parts, id, { timeoutSeconds: 10, signal: undefined });
    assert.equal(stateOf().status, 'exited');
    mock.timers.reset();
  });

  it('stops a container whose runtime is not among its options any more', async () => {
    bench.add(id, { state: running, hostConfig: { Runtime: 'former', NetworkMode: 'none' } });
    const { dir } = bench.parts.execPaths.container(id);
    for (const path of [dir, bench.parts.dataPaths.container(id).dir]) mkdirSync(path, { recursive: true });
    bench.runtime.left.set(dir, new FakeProcess(4711));
    await restore(bench.parts);
    await assert.rejects(pauseContainer(bench.parts, id), /unknown or invalid runtime name: former/);
    await stopContainer(bench.parts, id, { timeoutSeconds: 10, signal: undefined });
    assert.equal(stateOf().status, 'exited');
    assert.equal(existsSync(dir), false);
  });

  it('records the end that nobody saw, and gives back what the container held', async () => {
    bench.add(id, { state: running });
    await bench.network.attach(id);
    mkdirSync(bench.parts.execPaths.container(id).rootfs, { recursive: true });
    await restore(bench.parts);
    assert.deepEqual([stateOf().status, stateOf().exitCode], ['exited', 255]);
    assert.equal(bench.network.attached.size, 0);
    assert.ok(bench.runtime.deleted.includes(id));
    assert.equal(existsSync(bench.parts.execPaths.container(id).dir), false);
  });

  it('clears what the runtime knows of a container whose process directory is gone', async () => {
    bench.add(id, { state: running });
    await restore(bench.parts);
    assert.deepEqual(bench.runtime.deleted, [id]);
    assert.equal(stateOf().status, 'exited');
  });

  it('removes a --rm container that ended meanwhile', async () => {
    bench.add(id, { state: running, hostConfig: { Runtime: 'fake', AutoRemove: true } });
    await restore(bench.parts);
    assert.equal(bench.parts.containers.size, 0);
    assert.equal(bench.snapshots.known.size, 0);
  });

  it('keeps a --rm container that was never started', async () => {
    bench.add(id, { hostConfig: { Runtime: 'fake', AutoRemove: true } });
    await restore(bench.parts);
    assert.equal(stateOf().status, 'created');
  });

  it('ends a start that was not recorded, and sweeps what no record names', async () => {
    bench.add(id);
    const orphan = 'c'.repeat(64);
    const { parts } = bench;
    await bench.snapshots.prepare(orphan);
    await bench.snapshots.prepare('unpack-1');
    for (const dir of [parts.execPaths.container(id).dir, parts.execPaths.exec(orphan)])
      mkdirSync(dir, { recursive: true });
    mkdirSync(parts.dataPaths.container(orphan).dir, { recursive: true });
    await restore(parts);
    assert.deepEqual([...bench.snapshots.known.keys()], [id]);
    assert.ok(bench.runtime.deleted.includes(id));
    assert.deepEqual(bench.runtime.discarded, [parts.execPaths.container(id).dir, parts.execPaths.exec(orphan)]);
    assert.equal(existsSync(parts.execPaths.container(id).dir), false);
    assert.equal(existsSync(parts.execPaths.exec(orphan)), false);
    assert.equal(existsSync(parts.dataPaths.container(orphan).dir), false);
    assert.equal(stateOf().status, 'created');
  });

  it('does not wait for ever for a start by policy, nor start what has been changed meanwhile', async () => {
    const others = Array.from({ length: 9 }, (_, at) => String(at).repeat(64));
    for (const other of others) bench.add(other, { ...policy('always'), state: ended });
    const gate = Promise.withResolvers<void>();
    bench.runtime.gate = gate.promise;
    mock.timers.enable({ apis: ['setTimeout'] });
    const { parts } = bench;
    let isRestored = false;
    const restored = restore(parts).then(() => (isRestored = true));
    await until(() => {
      mock.timers.tick(10_000);
      return isRestored;
    });
    await restored;
    mock.timers.reset();
    const last = others.at(-1) ?? '';
    await removeContainer(parts, last, { force: false, volumes: false, link: false });
    gate.resolve();
    await until(() => others.slice(0, -1).every((other) => parts.containers.find(other).state.status === 'running'));
    assert.equal(bench.runtime.started.length, 8);
    parts.live.stopRestarts();
    for (const process of bench.runtime.started) process.end(0);
    await until(() => bench.network.attached.size === 0);
  });

  it('restarts what has ended meanwhile only when the network is ready', async () => {
    bench.add(id, { ...policy('always'), state: running });
    const { parts, runtime, network } = bench;
    const { dir } = parts.execPaths.container(id);
    for (const path of [dir, parts.dataPaths.container(id).dir]) mkdirSync(path, { recursive: true });
    const process = new FakeProcess(4711);
    runtime.left.set(dir, process);
    const reconciled = Promise.withResolvers<void>();
    mock.method(network, 'reconcile', () => reconciled.promise);
    mock.timers.enable({ apis: ['setTimeout'] });
    const restored = restore(parts);
    process.end(1);
    await until(() => stateOf().status === 'restarting');
    mock.timers.tick(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runtime.started.length, 0);
    mock.timers.reset();
    reconciled.resolve();
    await restored;
    await until(() => stateOf().status === 'running');
    parts.live.stopRestarts();
    runtime.latest.end(0);
    await until(() => network.attached.size === 0);
  });

  const cases: readonly [string, Partial<ContainerRecord>, boolean][] = [
    ['always, ended', { ...policy('always'), state: ended }, true],
    ['always, stopped', { ...policy('always'), state: { ...ended, manuallyStopped: true } }, true],
    ['unless-stopped, ended', { ...policy('unless-stopped'), state: ended }, true],
    ['unless-stopped, stopped', { ...policy('unless-stopped'), state: { ...ended, manuallyStopped: true } }, false],
    [
      'unless-stopped, waiting for its restart',
      { ...policy('unless-stopped'), state: restarting(running, { exitCode: 1, oomKilled: false }, at) },
      true,
    ],
    ['always, never started', { ...policy('always') }, false],
    ['no policy', { state: ended }, false],
  ];
  for (const [name, changes, isStarted] of cases) {
    it(`${isStarted ? 'starts' : 'does not start'} a container: ${name}`, async () => {
      bench.add(id, changes);
      await restore(bench.parts);
      assert.equal(bench.runtime.started.length, isStarted ? 1 : 0);
      if (!isStarted) return;
      bench.runtime.latest.end(0);
      await until(() => stateOf().status !== 'running');
      bench.parts.live.stopRestarts();
    });
  }
});
