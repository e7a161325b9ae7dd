import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { isKind } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';

import { createExec } from './createExec.ts';
import { removeContainer } from './removeContainer.ts';
import { restore } from './restore.ts';
import { startContainer } from './startContainer.ts';
import { killContainer, stopContainer } from './stopContainer.ts';
import { openBench, until, type Bench } from './testBench.ts';
import { waitContainer } from './waitContainer.ts';

const id = 'd'.repeat(64);
const never = new AbortController().signal;
const gently = { force: false, volumes: false, link: false };
const byForce = { ...gently, force: true };
const busy = new Error('EBUSY: resource busy or locked');
let bench: Bench;

const stateOf = (): ContainerRecord['state'] => bench.parts.containers.find(id).state;
const refuses = (work: Promise<unknown>, kind: 'conflict' | 'notModified' | 'internal', message: RegExp) =>
  assert.rejects(work, (error) => isKind(error, kind) && message.test(error.message));

/** Holds a removal up until the returned function lets it go on, or fail. */
function holdRemoval(): { readonly reached: Promise<void>; readonly goOn: (error?: Error) => void } {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: gate, resolve, reject } = Promise.withResolvers<void>();
  const { snapshots } = bench;
  const remove = snapshots.remove.bind(snapshots);
  snapshots.remove = async (key) => {
    reach();
    await gate;
    await remove(key);
  };
  const goOn = (error?: Error): void => {
    snapshots.remove = remove;
    if (error === undefined) resolve();
    else reject(error);
  };
  return { reached, goOn };
}

/** Removes the container, whose files do not go. */
async function failToRemove(): Promise<void> {
  const { goOn } = holdRemoval();
  const removed = removeContainer(bench.parts, id, gently);
  goOn(busy);
  await refuses(removed, 'internal', /failed to remove its files: EBUSY/);
}

beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

describe('a container that is being removed', () => {
  it('says so, and refuses everything in the words of Docker', async () => {
    const { name } = bench.add(id);
    const { reached, goOn } = holdRemoval();
    const removed = removeContainer(bench.parts, id, gently);
    await reached;
    assert.equal(stateOf().status, 'removing');
    await refuses(
      removeContainer(bench.parts, name, byForce),
      'conflict',
      new RegExp(`^removal of container ${name} is already in progress$`),
    );
    await refuses(createExec(bench.parts, id, { Cmd: ['true'] }), 'conflict', /is not running/);
    await refuses(killContainer(bench.parts, id, undefined), 'conflict', /is not running/);
    await refuses(
      stopContainer(bench.parts, id, { timeoutSeconds: 0, signal: undefined }),
      'notModified',
      /is not running/,
    );
    const started = startContainer(bench.parts, id);
    goOn();
    await removed;
    await assert.rejects(started, (error) => isKind(error, 'notFound'));
    assert.equal(bench.parts.containers.get(id), undefined);
  });

  it('is removed by the next daemon when this one dies on the way', async () => {
    bench.add(id);
    const { reached } = holdRemoval();
    void removeContainer(bench.parts, id, gently);
    await reached;
    const next = openBench(bench.records);
    await restore(next.parts);
    assert.equal(next.records.size, 0);
    next.remove();
  });

  it('is dead when its files do not go, with the reason, and goes with the next removal', async () => {
    bench.add(id);
    const logged = mock.method(bench.parts.logger, 'error', () => {});
    const { exit } = await waitContainer(bench.parts, id, 'removed', never);
    await failToRemove();
    assert.deepEqual([stateOf().status, stateOf().error], ['dead', busy.message]);
    assert.deepEqual(await exit, { StatusCode: 0, Error: { Message: busy.message } });
    assert.deepEqual(logged.mock.calls[0]?.arguments[1], { container: id, error: busy.message });
    await refuses(startContainer(bench.parts, id), 'conflict', /marked for removal and cannot be started/);
    await removeContainer(bench.parts, id, gently);
    assert.equal(bench.parts.containers.get(id), undefined);
    logged.mock.restore();
  });

  it('is removed by the next daemon when it is dead', async () => {
    bench.add(id);
    await failToRemove();
    const next = openBench(bench.records);
    await restore(next.parts);
    assert.equal(next.records.size, 0);
    next.remove();
  });
});

describe('a container that waits for its restart', () => {
  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    bench.add(id, {
      hostConfig: { Runtime: 'fake', NetworkMode: 'bridge', RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } },
    });
    await startContainer(bench.parts, id);
    const settled = bench.parts.live.get(id)?.settled;
    bench.runtime.latest.end(3);
    await settled;
    assert.deepEqual([stateOf().status, bench.parts.containers.find(id).restartCount], ['restarting', 1]);
  });
  afterEach(() => mock.timers.reset());

  it('is not removed but by force', async () => {
    await refuses(removeContainer(bench.parts, id, gently), 'conflict', /container is restarting: stop the container/);
    await removeContainer(bench.parts, id, byForce);
    assert.equal(bench.parts.containers.get(id), undefined);
  });

  it('stays down after a kill, and goes on after any other signal', async () => {
    await killContainer(bench.parts, id, 'USR1');
    assert.equal(stateOf().status, 'restarting');
    await killContainer(bench.parts, id, 'TERM');
    assert.deepEqual([stateOf().status, stateOf().manuallyStopped], ['exited', true]);
    mock.timers.tick(60_000);
    assert.equal(bench.runtime.started.length, 1);
  });

  it('begins to count anew when it is started by hand', async () => {
    await startContainer(bench.parts, id);
    assert.deepEqual([stateOf().status, bench.parts.containers.find(id).restartCount], ['running', 0]);
    bench.runtime.latest.end(0);
    await until(() => stateOf().status === 'restarting');
    // not twice that
    assert.equal(bench.parts.live.restartDelayMs(id), 100);
  });
});
