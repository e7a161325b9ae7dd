import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { pauseContainer } from './pauseContainer.ts';
import { startContainer } from './startContainer.ts';
import { type Bench, MemoryRecords, openBench, until } from './testBench.ts';

const id = 'd'.repeat(64);
const isFull = (): Error => new Error('database or disk is full');

async function running(t: TestContext): Promise<{ readonly bench: Bench; readonly records: MemoryRecords }> {
  const records = new MemoryRecords();
  const bench = openBench(records);
  t.after(() => bench.remove());
  bench.add(id);
  await startContainer(bench.parts, id);
  return { bench, records };
}

test('a pause that cannot be recorded is undone', async (t) => {
  const { bench, records } = await running(t);
  const resume = t.mock.method(bench.runtime, 'resume');
  records.failure = isFull();
  await assert.rejects(pauseContainer(bench.parts, id), /disk is full/);
  assert.equal(resume.mock.callCount(), 1);
  assert.equal(bench.parts.containers.find(id).state.status, 'running');
  await pauseContainer(bench.parts, id);
  assert.equal(bench.parts.containers.find(id).state.status, 'paused');
});

test('an end that cannot be recorded is recorded later', async (t) => {
  const { bench, records } = await running(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const logged = t.mock.method(bench.parts.logger, 'error', () => {});
  records.failure = isFull();
  bench.runtime.latest.end(3);
  await until(() => logged.mock.callCount() === 1);
  assert.equal(bench.parts.containers.find(id).state.status, 'running');
  assert.ok(bench.parts.live.get(id), 'it stays in hand');
  await until(() => {
    t.mock.timers.tick(1_000);
    return bench.parts.containers.find(id).state.status === 'exited';
  });
  assert.equal(bench.parts.containers.find(id).state.exitCode, 3);
  assert.equal(bench.network.attached.size, 0);
});
