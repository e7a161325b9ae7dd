import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { isKind } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { StartRefusal } from '../runtime/index.ts';

import { attachContainer } from './attachContainer.ts';
import { removeContainer } from './removeContainer.ts';
import { restartContainer } from './restartContainer.ts';
import { shutdown } from './shutdown.ts';
import { startContainer } from './startContainer.ts';
import { stopContainer } from './stopContainer.ts';
import { openBench, until, type Bench } from './testBench.ts';
import { waitContainer } from './waitContainer.ts';

const id = 'f'.repeat(64);
const never = new AbortController().signal;
const byForce = { force: true, volumes: false, link: false };
const gently = { timeoutSeconds: undefined, signal: undefined };
let bench: Bench;

const stateOf = (): ContainerRecord['state'] => bench.parts.containers.find(id).state;
const exitOf = async (condition: 'next-exit' | 'removed') => waitContainer(bench.parts, id, condition, never);
const withPolicy = (Name: 'on-failure' | 'always' | 'unless-stopped', MaximumRetryCount = 0): ContainerRecord =>
  bench.add(id, {
    hostConfig: { Runtime: 'fake', NetworkMode: 'bridge', RestartPolicy: { Name, MaximumRetryCount } },
  });
const autoRemoved = (): ContainerRecord =>
  bench.add(id, { hostConfig: { Runtime: 'fake', NetworkMode: 'bridge', AutoRemove: true } });

async function outputOf(output: AsyncIterable<{ readonly data: Uint8Array }>): Promise<string> {
  let text = '';
  for await (const { data } of output) text += Buffer.from(data).toString();
  return text;
}

function assertNothingHeld(): void {
  const { parts, mounter, network } = bench;
  assert.deepEqual(mounter.mounted, []);
  assert.equal(network.attached.size, 0);
  assert.equal(existsSync(parts.execPaths.container(id).dir), false);
  assert.equal(parts.live.get(id), undefined);
}

beforeEach(() => {
  bench = openBench();
});
afterEach(() => {
  mock.timers.reset();
  bench.remove();
});

describe('a container that is stopped', () => {
  it('has a grace period of any length', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    bench.add(id);
    await startContainer(bench.parts, id);
    const { latest } = bench.runtime;
    latest.heeded.delete(15);
    const stopped = stopContainer(bench.parts, id, { timeoutSeconds: 10_000_000, signal: undefined });
    await until(() => latest.signals.length > 0);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(60_000);
    latest.end(0);
    await stopped;
    assert.deepEqual(latest.signals, [15]);
  });
});

describe('a container that is started', () => {
  it('runs, gives its output to who attached before, and gives everything back at its end', async () => {
    bench.add(id);
    const session = await attachContainer(bench.parts, id, {
      stdin: false,
      stdout: true,
      stderr: true,
      stream: true,
      logs: false,
      detachKeys: undefined,
    });
    const { exit } = await exitOf('next-exit');
    await startContainer(bench.parts, id);
    assert.equal(stateOf().status, 'running');
    assert.equal(stateOf().pid, bench.runtime.latest.pid);
    assert.equal(bench.mounter.mounted.length, 1);
    const settled = bench.parts.live.get(id)?.settled;
    bench.runtime.latest.stdout.write('hello\n');
    bench.runtime.latest.end(3);
    assert.equal(await outputOf(session.output), 'hello\n');
    assert.deepEqual(await exit, { StatusCode: 3 });
    assert.deepEqual([stateOf().status, stateOf().exitCode, stateOf().pid], ['exited', 3, 0]);
    await settled;
    assertNothingHeld();
    assert.deepEqual(bench.events, [
      'container attach',
      'network connect',
      'container start',
      'container die',
      'network disconnect',
    ]);
  });

  it('cannot be started twice', async () => {
    bench.add(id);
    await startContainer(bench.parts, id);
    await assert.rejects(startContainer(bench.parts, id), (error) => isKind(error, 'notModified'));
    bench.runtime.latest.end(0);
  });

  it('is removed at its end with --rm', async () => {
    autoRemoved();
    const { exit } = await exitOf('removed');
    await startContainer(bench.parts, id);
    bench.runtime.latest.end(0);
    assert.deepEqual(await exit, { StatusCode: 0 });
    assert.equal(bench.parts.containers.get(id), undefined);
    assert.equal(bench.snapshots.stat(id), undefined);
    assertNothingHeld();
  });

  it('is not removed by a restart with --rm', async () => {
    autoRemoved();
    await startContainer(bench.parts, id);
    await restartContainer(bench.parts, id, gently);
    assert.equal(stateOf().status, 'running');
    assert.equal(bench.runtime.started.length, 2);
    bench.runtime.latest.end(0);
    await until(() => bench.parts.containers.get(id) === undefined);
  });
});

describe('a start that is refused', () => {
  const refusal = new StartRefusal('exec: "nope": executable file not found in $PATH', 127);

  it('is recorded and takes back what it did; another may succeed', async () => {
    bench.add(id);
    const session = await attachContainer(bench.parts, id, {
      stdin: false,
      stdout: true,
      stderr: true,
      stream: true,
      logs: false,
      detachKeys: undefined,
    });
    const { exit } = await exitOf('next-exit');
    bench.runtime.refusal = refusal;
    await assert.rejects(startContainer(bench.parts, id), refusal);
    assert.deepEqual([stateOf().status, stateOf().exitCode, stateOf().error], ['created', 127, refusal.message]);
    assert.deepEqual(await exit, { StatusCode: 127 });
    assert.equal(await outputOf(session.output), '');
    assertNothingHeld();
    await startContainer(bench.parts, id);
    assert.deepEqual([stateOf().status, stateOf().error], ['running', '']);
    bench.runtime.latest.end(0);
  });

  it('removes a container with --rm', async () => {
    autoRemoved();
    const { exit } = await exitOf('removed');
    bench.runtime.refusal = refusal;
    await assert.rejects(startContainer(bench.parts, id), refusal);
    assert.deepEqual(await exit, { StatusCode: 127 });
    assert.equal(bench.parts.containers.get(id), undefined);
  });

  it('undoes its mount when the network has no room', async () => {
    bench.add(id);
    await bench.network.attach(id);
    await assert.rejects(startContainer(bench.parts, id), (error) => isKind(error, 'conflict'));
    assert.deepEqual(bench.mounter.mounted, []);
    assert.equal(stateOf().exitCode, 128);
  });

  it('leaves no process behind when it cannot be recorded', async () => {
    bench.add(id);
    const full = new Error('database or disk is full');
    bench.records.failure = full;
    await assert.rejects(startContainer(bench.parts, id), full);
    assert.deepEqual(bench.runtime.latest.signals, [9]);
    assert.notEqual(stateOf().status, 'running');
    assertNothingHeld();
  });
});

describe('a restart policy', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));

  it('starts the container again, as often as it says', async () => {
    withPolicy('on-failure', 1);
    await startContainer(bench.parts, id);
    bench.runtime.latest.end(1);
    await until(() => stateOf().status === 'restarting');
    mock.timers.tick(100);
    await until(() => stateOf().status === 'running');
    assert.equal(bench.parts.containers.find(id).restartCount, 1);
    bench.runtime.latest.end(1);
    await until(() => stateOf().status === 'exited');
    mock.timers.tick(60_000);
    assert.equal(bench.runtime.started.length, 2);
  });

  it('is called off by a stop, which ends the waits too', async () => {
    withPolicy('always');
    await startContainer(bench.parts, id);
    bench.runtime.latest.end(1);
    await until(() => stateOf().status === 'restarting');
    const { exit } = await waitContainer(bench.parts, id, 'not-running', never);
    await stopContainer(bench.parts, id, gently);
    assert.deepEqual(await exit, { StatusCode: 1 });
    mock.timers.tick(60_000);
    assert.deepEqual([stateOf().status, bench.runtime.started.length], ['exited', 1]);
  });

  it('does not lose a stop that comes while the restart is under way', async () => {
    withPolicy('always');
    await startContainer(bench.parts, id);
    bench.runtime.latest.end(1);
    await until(() => stateOf().status === 'restarting');
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    bench.runtime.gate = gate;
    mock.timers.tick(100);
    const stopped = stopContainer(bench.parts, id, gently);
    open();
    await stopped;
    assert.equal(stateOf().status, 'exited');
    assert.equal(stateOf().manuallyStopped, true);
    assertNothingHeld();
  });

  it('leaves what the daemon stops at its own end to the next daemon', async () => {
    withPolicy('unless-stopped');
    await startContainer(bench.parts, id);
    await shutdown(bench.parts, { stopContainers: true, timeoutSeconds: 1 });
    await until(() => stateOf().status === 'restarting');
    mock.timers.tick(60_000);
    assert.equal(bench.runtime.started.length, 1);
    assert.equal(stateOf().manuallyStopped, false);
  });
});

describe('a removal by force', () => {
  it('ends what a start under way brings up', async () => {
    bench.add(id);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    bench.runtime.gate = gate;
    const starting = startContainer(bench.parts, id);
    const removing = removeContainer(bench.parts, id, byForce);
    open();
    await Promise.all([starting, removing]);
    assert.deepEqual(bench.runtime.latest.signals, [9]);
    assert.equal(bench.parts.containers.get(id), undefined);
    assertNothingHeld();
  });

  it('removes a container that runs by its record alone', async () => {
    bench.add(id);
    await startContainer(bench.parts, id);
    bench.parts.live.delete(id);
    await removeContainer(bench.parts, id, byForce);
    assert.equal(bench.parts.containers.get(id), undefined);
  });
});
