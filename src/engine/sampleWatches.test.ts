import assert from 'node:assert/strict';
import { it } from 'node:test';

import { SampleWatches } from './sampleWatches.ts';
import { until } from './testBench.ts';

it('goes on after a sample that could not be taken', async () => {
  const watches = new SampleWatches<number>(1);
  const seen: number[] = [];
  let taken = 0;
  const take = (): number => {
    if (++taken === 2) throw new Error('too many open files');
    return taken;
  };
  const stop = watches.watch('c', { take, onSample: (sample) => void seen.push(sample) });
  await until(() => seen.length >= 2);
  stop();
  assert.deepEqual(seen.slice(0, 2), [1, 3]);
});

it('samples once for all who look, and not when nobody does', async () => {
  const watches = new SampleWatches<number>(1);
  let taken = 0;
  const seen: [number[], number[]] = [[], []];
  const watch = (index: 0 | 1): (() => void) =>
    watches.watch('c', { take: () => ++taken, onSample: (sample) => void seen[index].push(sample) });
  const stops = [watch(0), watch(1)];
  assert.deepEqual(seen, [[1], [1]]);
  await until(() => seen[1].length >= 3);
  assert.deepEqual(seen[0], seen[1]);
  assert.equal(taken, seen[0].at(-1));
  stops[0]?.();
  await until(() => seen[1].length >= 5);
  assert.ok(seen[0].length < seen[1].length);
  stops[1]?.();
  assert.equal(watches.size, 0);
});
