import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { GantryError } from '../base/index.ts';
import { createdState, held, started } from '../containers/index.ts';

import { whileHeld } from './pauseContainer.ts';
import { restore } from './restore.ts';
import { startContainer } from './startContainer.ts';
import { FakeProcess, type Bench, openBench, until } from './testBench.ts';

const id = 'a'.repeat(64);

function bench(t: TestContext): Bench {
  const opened = openBench();
  t.after(() => opened.remove());
  return opened;
}

test('work finds the container paused, and leaves it running whether it fails or not', async (t) => {
  const opened = bench(t);
  const { parts, events, runtime } = opened;
  opened.add(id);
  await startContainer(parts, id);
  events.length = 0;
  const seen = await whileHeld(parts, id, async () => parts.containers.find(id).state.status);
  assert.equal(seen, 'paused');
  const failing = whileHeld(parts, id, async () => {
    throw new GantryError('internal', 'the disk is full');
  });
  await assert.rejects(failing, /the disk is full/);
  assert.equal(parts.containers.find(id).state.status, 'running');
  assert.deepEqual(events, ['container pause', 'container unpause', 'container pause', 'container unpause']);
  runtime.latest.end(0);
  await until(() => parts.containers.find(id).state.status === 'exited');
  assert.equal(await whileHeld(parts, id, async () => parts.containers.find(id).state.status), 'exited');
});

test('a container that cannot be paused is not said to be', async (t) => {
  const opened = bench(t);
  const { parts, runtime } = opened;
  opened.add(id);
  await startContainer(parts, id);
  const pause = t.mock.method(runtime, 'pause', async () => {
    throw new GantryError('internal', 'no freezer');
  });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const refused = assert.rejects(
    whileHeld(parts, id, async () => {}),
    /no freezer/,
  );
  await until(() => pause.mock.callCount() === 1);
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(60_000);
  await refused;
  assert.equal(parts.containers.find(id).state.status, 'running');
  runtime.latest.end(0);
});

test('a container that the last daemon held goes on with the next one', async (t) => {
  const opened = bench(t);
  const { parts, runtime } = opened;
  opened.add(id, { state: held(started(createdState, 7, '2026-01-02T03:04:05Z')) });
  const process = new FakeProcess(7);
  runtime.left.set(parts.execPaths.container(id).dir, process);
  const resume = t.mock.method(runtime, 'resume');
  await restore(parts);
  assert.equal(resume.mock.callCount(), 1);
  assert.equal(parts.containers.find(id).state.status, 'running');
  process.end(0);
  await until(() => parts.containers.find(id).state.status === 'exited');
});
