import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, suite, test } from 'node:test';

import type { HealthConfig } from '../api/index.ts';
import type { Health } from '../containers/index.ts';

import { pauseContainer, unpauseContainer } from './pauseContainer.ts';
import { startContainer } from './startContainer.ts';
import { openBench, until, type Bench, type FakeProcess } from './testBench.ts';

const second = 1_000_000_000;
const id = 'a'.repeat(64);

/** The clock of the container and the timers of its watch, moved by hand. */
suite('the watch of a container', () => {
  let bench: Bench;
  let nowNs: bigint;

  beforeEach(() => {
    nowNs = 1_800_000_000n * BigInt(second);
    const opened = openBench();
    bench = { ...opened, parts: { ...opened.parts, clock: () => nowNs } };
    mock.timers.enable({ apis: ['setTimeout'] });
  });

  afterEach(() => {
    mock.timers.reset();
    bench.remove();
  });

  async function start(Healthcheck: HealthConfig): Promise<void> {
    bench.add(id, {
      config: { Image: 'test', Healthcheck: { Test: ['CMD', 'probe'], Interval: 10 * second, ...Healthcheck } },
    });
    await startContainer(bench.parts, id);
  }

  /** Lets time pass, and what it sets off begin. */
  async function pass(seconds: number): Promise<void> {
    nowNs += BigInt(seconds) * BigInt(second);
    mock.timers.tick(seconds * 1000);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  const health = (): Health => bench.parts.health.get(id) as Health;
  const probes = (): readonly FakeProcess[] => bench.runtime.executed;

  async function answer(exitCode: number): Promise<void> {
    const before = health().log.at(-1);
    probes().at(-1)?.end(exitCode);
    await until(() => health().log.at(-1) !== before);
  }

  test('gives a probe all the time that it may take, however long', async () => {
    await start({ Timeout: 1000 * 3600 * second });
    await pass(10);
    await pass(5);
    assert.deepEqual(probes()[0]?.signals, []);
    await answer(0);
    assert.equal(health().status, 'healthy');
  });

  test('probes one after the other, each an interval after the end of the last', async () => {
    await start({ Retries: 2 });
    await pass(9);
    assert.equal(probes().length, 0);
    await pass(1);
    assert.equal(probes().length, 1);
    await pass(20);
    assert.equal(probes().length, 1, 'no probe while one runs');
    await answer(1);
    assert.deepEqual([health().status, health().failingStreak], ['starting', 1]);
    await pass(9);
    assert.equal(probes().length, 1);
    await pass(1);
    await answer(1);
    assert.equal(health().status, 'unhealthy');
    await pass(10);
    await answer(0);
    assert.equal(health().status, 'healthy');
    assert.deepEqual(
      bench.events.filter((event) => event.includes('health')),
      ['container health_status: unhealthy', 'container health_status: healthy'],
    );
  });

  test('kills a probe that takes too long', async () => {
    await start({ Timeout: 3 * second, Retries: 1 });
    await pass(10);
    await pass(2);
    assert.deepEqual(probes()[0]?.signals, []);
    await pass(1);
    assert.deepEqual(probes()[0]?.signals, [9]);
    await until(() => health().status === 'unhealthy');
    const [last] = health().log;
    assert.deepEqual([last?.exitCode, last?.output], [-1, 'Health check exceeded timeout (3s)']);
  });

  test('takes a probe that cannot be started for a failure', async () => {
    bench.runtime.execRefusal = new Error('no such program');
    await start({ Retries: 1 });
    await pass(10);
    await until(() => health().status === 'unhealthy');
    assert.deepEqual([health().log[0]?.exitCode, health().log[0]?.output], [-1, 'no such program']);
  });

  test('rests while the container is paused, and forgets the probe of that moment', async () => {
    await start({});
    await pass(10);
    await answer(0);
    await pass(10);
    await pauseContainer(bench.parts, id);
    assert.equal(health().status, 'unhealthy');
    await until(() => probes()[1]?.signals.includes(9) === true);
    await pass(100);
    assert.equal(probes().length, 2);
    assert.equal(health().log.length, 1);
    await unpauseContainer(bench.parts, id);
    await pass(10);
    assert.equal(probes().length, 3);
    await answer(0);
    assert.equal(health().status, 'healthy');
  });

  test('ends with the container, and begins anew with its next start', async () => {
    await start({});
    await pass(10);
    await answer(0);
    const { settled } = bench.parts.live.get(id) ?? {};
    bench.runtime.latest.end(0);
    await settled;
    assert.equal(health().status, 'unhealthy');
    await pass(100);
    assert.equal(probes().length, 1);
    await startContainer(bench.parts, id);
    assert.deepEqual([health().status, health().log.length], ['starting', 1]);
    await pass(10);
    assert.equal(probes().length, 2);
  });

  test('ends with the daemon, which leaves the health as it is', async () => {
    await start({});
    await pass(10);
    await answer(0);
    bench.parts.health.close();
    await pass(100);
    assert.equal(probes().length, 1);
    assert.equal(health().status, 'healthy');
  });
});
