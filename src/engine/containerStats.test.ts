import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import type { ContainerStats } from '../api/index.ts';
import { isKind } from '../base/index.ts';
import { createdState, exited, started } from '../containers/index.ts';

import { containerStats, type StatsParts } from './containerStats.ts';
import { SampleWatches } from './sampleWatches.ts';
import { openBench, until, type Bench } from './testBench.ts';

const id = 'a'.repeat(64);
const never = new AbortController().signal;
const stream = { stream: true, oneShot: false };
const once = { stream: false, oneShot: false };

let bench: Bench;
let parts: StatsParts;

beforeEach(() => {
  bench = openBench();
  parts = { ...bench.parts, samples: new SampleWatches(1) };
});
afterEach(() => bench.remove());

/** Adds a running container whose cgroup (v2) has used so much. */
function addRunning(usageMicros: number): void {
  bench.add(id, { state: started(createdState, process.pid, '2026-01-02T03:04:05Z') });
  count(usageMicros);
}

const directory = (): string => join(bench.parts.cgroups.unified ?? '', '/gantry', id);

function count(usageMicros: number): void {
  mkdirSync(directory(), { recursive: true });
  writeFileSync(join(directory(), 'cpu.stat'), `usage_usec ${usageMicros}\nuser_usec 0\nsystem_usec 0\n`);
  writeFileSync(join(directory(), 'memory.current'), '4096\n');
  writeFileSync(join(directory(), 'pids.max'), 'max\n');
}

const usage = (stats: ContainerStats | undefined): (number | undefined)[] => [
  stats?.precpu_stats?.cpu_usage?.total_usage,
  stats?.cpu_stats?.cpu_usage?.total_usage,
];

async function all(samples: AsyncIterable<ContainerStats>): Promise<ContainerStats[]> {
  const seen: ContainerStats[] = [];
  for await (const sample of samples) seen.push(sample);
  return seen;
}

describe('stats of a container', () => {
  it('that runs, asked once: the second sample, with the first to compare', async () => {
    addRunning(5);
    const seen = await all(await containerStats(parts, id, once, never));
    assert.deepEqual(seen.map(usage), [[5000, 5000]]);
    assert.ok((seen[0]?.preread ?? '') < (seen[0]?.read ?? ''));
    assert.equal(seen[0]?.pids_stats?.limit, 2 ** 64);
    assert.equal(parts.samples.size, 0);
  });

  it('in one shot: a sample with nothing before it', async () => {
    addRunning(5);
    const seen = await all(await containerStats(parts, id, { stream: false, oneShot: true }, never));
    assert.deepEqual(seen.map(usage), [[0, 5000]]);
    assert.equal(seen[0]?.preread, '0001-01-01T00:00:00Z');
  });

  it('that does not run: an empty answer', async () => {
    bench.add(id);
    const [empty] = await all(await containerStats(parts, id, once, never));
    assert.equal(empty?.read, '0001-01-01T00:00:00Z');
    assert.deepEqual([empty.pids_stats, empty.memory_stats, empty.networks], [{}, {}, undefined]);
    assert.equal(empty.blkio_stats?.io_serviced_recursive, null);
  });

  it('stream, each with the one before; go empty when it stops, and end with its removal', async () => {
    addRunning(5);
    const seen: ContainerStats[] = [];
    const reading = (async () => {
      for await (const sample of await containerStats(parts, id, stream, never)) seen.push(sample);
    })();
    await until(() => seen.length >= 1);
    assert.deepEqual(usage(seen[0]), [0, 5000]);
    count(9);
    await until(() => usage(seen.at(-1))[1] === 9000);
    const ended = { exitCode: 0, oomKilled: false };
    parts.containers.update(id, (record) => ({ ...record, state: exited(record.state, ended, record.createdAt) }));
    await until(() => usage(seen.at(-1))[1] === 0);
    parts.containers.delete(id);
    parts.waiters.removed(id, { exitCode: 0, error: '' });
    await reading;
    assert.equal(parts.samples.size, 0);
  });

  it('stream until the client goes', async () => {
    addRunning(5);
    const client = new AbortController();
    const reading = containerStats(parts, id, stream, client.signal).then(all);
    await until(() => parts.samples.size === 1);
    client.abort();
    await reading;
    assert.equal(parts.samples.size, 0);
  });

  it('are refused for what there is not, and in contradiction', async () => {
    await assert.rejects(containerStats(parts, 'nope', once, never), (error) => isKind(error, 'notFound'));
    bench.add(id);
    await assert.rejects(containerStats(parts, id, { stream: true, oneShot: true }, never), {
      message: 'cannot have stream=true and one-shot=true',
    });
  });
});
