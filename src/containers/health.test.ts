import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import {
  checkHealthConfig,
  healthPlan,
  mergeHealthConfig,
  probeDelayMs,
  probedHealth,
  ProbeOutput,
  startedHealth,
  unwatchedHealth,
  type Health,
  type HealthPlan,
  type ProbeResult,
} from './index.ts';

const second = 1_000_000_000;
const plan: HealthPlan = {
  command: ['true'],
  intervalMs: 1000,
  timeoutMs: 1000,
  startPeriodMs: 0,
  startIntervalMs: 100,
  retries: 3,
};

const result = (exitCode: number): ProbeResult => ({ startedAt: 'a', endedAt: 'b', exitCode, output: '' });

/** Exit codes with the time since the start at which each was probed; gives the health after each. */
function course(of: Partial<HealthPlan>, probes: readonly (readonly [exitCode: number, atMs: number])[]): Health[] {
  const all: Health[] = [startedHealth(undefined)];
  for (const [exitCode, atMs] of probes) {
    all.push(probedHealth(all.at(-1) as Health, { ...plan, ...of }, result(exitCode), atMs));
  }
  return all.slice(1);
}

const words = (all: readonly Health[]): string[] =>
  all.map(({ status, failingStreak }) => `${status} ${failingStreak}`);

test('so many failures in a row make it unhealthy, and one success healthy', () => {
  assert.deepEqual(
    words(
      course({ retries: 2 }, [
        [1, 10],
        [0, 20],
        [1, 30],
        [127, 40],
        [-1, 50],
        [0, 60],
      ]),
    ),
    ['starting 1', 'healthy 0', 'healthy 1', 'unhealthy 2', 'unhealthy 3', 'healthy 0'],
  );
});

test('failures of the start period do not count until something succeeded', () => {
  const probes = [
    [1, 10],
    [1, 4999],
    [1, 5000],
  ] as const;
  assert.deepEqual(words(course({ retries: 1, startPeriodMs: 5000 }, probes)), [
    'starting 0',
    'starting 0',
    'unhealthy 1',
  ]);
  const afterSuccess = course({ retries: 1, startPeriodMs: 5000 }, [
    [0, 10],
    [1, 20],
  ]);
  assert.deepEqual(words(afterSuccess), ['healthy 0', 'unhealthy 1']);
});

test('probes come at the start interval while it starts, and at the interval from then on', () => {
  const starting = { ...plan, startPeriodMs: 5000 };
  assert.equal(probeDelayMs('starting', starting, 0), 100);
  assert.equal(probeDelayMs('starting', starting, 4999), 100);
  assert.equal(probeDelayMs('starting', starting, 5000), 1000);
  assert.equal(probeDelayMs('healthy', starting, 10), 1000);
  assert.equal(probeDelayMs('starting', plan, 0), 1000);
});

test('whatever the results, the five last are kept and the status follows from the streak', () => {
  const probes = fc.array(fc.tuple(fc.integer({ min: -1, max: 255 }), fc.integer({ min: 0, max: 10_000 })));
  fc.assert(
    fc.property(probes, fc.integer({ min: 1, max: 5 }), fc.nat(8000), (list, retries, startPeriodMs) => {
      const all = course({ retries, startPeriodMs }, list);
      for (const [at, { status, failingStreak, log }] of all.entries()) {
        const [exitCode] = list[at] ?? [0];
        assert.deepEqual(
          log.map((one) => one.exitCode),
          list.slice(Math.max(0, at - 4), at + 1).map(([code]) => code),
        );
        assert.equal(exitCode === 0, status === 'healthy' && failingStreak === 0);
        if (exitCode !== 0) assert.equal(status === 'unhealthy', failingStreak >= retries);
      }
    }),
  );
});

test('a new start keeps the log only, and a container that nobody probes counts as unhealthy', () => {
  const [healthy] = course({}, [[0, 10]]);
  assert.ok(healthy);
  assert.deepEqual(startedHealth(unwatchedHealth(healthy)), { status: 'starting', failingStreak: 0, log: healthy.log });
  assert.equal(unwatchedHealth(healthy).status, 'unhealthy');
});

function planOf(Healthcheck: object, Shell?: string[]): HealthPlan | undefined {
  return healthPlan({ Healthcheck, ...(Shell === undefined ? {} : { Shell }) });
}

test('defaults, the shell, and the kinds of check', () => {
  assert.deepEqual(planOf({ Test: ['CMD-SHELL', 'a b'] }), {
    command: ['/bin/sh', '-c', 'a b'],
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5_000,
    retries: 3,
  });
  assert.deepEqual(planOf({ Test: ['CMD-SHELL', 'a b'] }, ['/bin/bash', '-ec'])?.command, ['/bin/bash', '-ec', 'a b']);
  assert.deepEqual(planOf({ Test: ['CMD', 'a', 'b'] }, ['/bin/bash'])?.command, ['a', 'b']);
  assert.equal(planOf({ Test: ['CMD', 'a'], Interval: 1_500_000 })?.intervalMs, 1.5);
  for (const Test of [[], ['NONE'], ['OTHER', 'a']]) assert.equal(planOf({ Test }), undefined);
  assert.equal(healthPlan({}), undefined);
});

test("the client's check is completed from the image's, field by field", () => {
  const image = { Test: ['CMD', 'probe'], Interval: 5 * second, Retries: 7, StartPeriod: second };
  assert.deepEqual(mergeHealthConfig(undefined, image), image);
  assert.deepEqual(mergeHealthConfig({ Test: [], Interval: 2 * second, Retries: 0 }, image), {
    ...image,
    Interval: 2 * second,
  });
  assert.deepEqual(mergeHealthConfig({ Test: ['NONE'] }, image), { ...image, Test: ['NONE'] });
  assert.deepEqual(mergeHealthConfig({ Timeout: second }, undefined), { Timeout: second });
  assert.equal(mergeHealthConfig(undefined, undefined), undefined);
});

test('times below a millisecond and negative numbers are refused in the words of Docker', () => {
  checkHealthConfig({ Interval: 1_000_000, Timeout: 0, Retries: 0 });
  checkHealthConfig(null);
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval']) {
    for (const value of [1, 999_999, -second]) {
      assert.throws(() => checkHealthConfig({ [field]: value }), {
        kind: 'invalid',
        message: `${field} in Healthcheck cannot be less than 1ms`,
      });
    }
  }
  assert.throws(() => checkHealthConfig({ Retries: -1 }), { message: 'Retries in Healthcheck cannot be negative' });
});

test('of what a probe says the first 4096 bytes are kept, in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3000), { maxLength: 8 }), (sizes) => {
      const output = new ProbeOutput();
      for (const size of sizes) output.add(Buffer.alloc(size, 'x'));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      assert.equal(output.toString(), 'x'.repeat(Math.min(total, 4096)) + (total > 4096 ? '...' : ''));
    }),
  );
});
