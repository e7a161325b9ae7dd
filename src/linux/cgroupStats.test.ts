import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import type { CgroupLayout } from './cgroups.ts';
import { readCgroupStats } from './cgroupStats.ts';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'gantry-cgroup-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Makes files below the root, `/` in front of each name. */
function record(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

const controllers = ['cpu', 'cpuacct', 'memory', 'pids', 'blkio'];

function layoutV1(): CgroupLayout {
  const hierarchies = new Map(controllers.map((name) => [name, join(root, name)]));
  return { mode: 'v1', version: 1, hierarchies, unified: undefined, leftover: [] };
}

function layoutV2(): CgroupLayout {
  return { mode: 'v2', version: 2, hierarchies: new Map(), unified: root, leftover: [] };
}

/** As a 6.x kernel with v1 controllers and the BFQ scheduler wrote them. */
const recordedV1 = {
  'cpuacct/g/c/cpuacct.usage_percpu': '7319199 15941405 \n',
  'cpuacct/g/c/cpuacct.stat': 'user 12\nsystem 3\n',
  'cpu/g/c/cpu.stat': 'nr_periods 7\nnr_throttled 2\nthrottled_time 91234567\nnr_bursts 0\nburst_time 0\n',
  'memory/g/c/memory.usage_in_bytes': '806912\n',
  'memory/g/c/memory.max_usage_in_bytes': '4075520\n',
  'memory/g/c/memory.limit_in_bytes': '104857600\n',
  'memory/g/c/memory.failcnt': '5\n',
  'memory/g/c/memory.stat':
    'cache 98304\nrss 57344\nhierarchical_memory_limit 104857600\nhierarchical_memsw_limit 209715200\ntotal_cache 98304\ntotal_inactive_file 4096\n',
  'pids/g/c/pids.current': '3\n',
  'pids/g/c/pids.max': '20\n',
  'blkio/g/c/blkio.bfq.io_service_bytes_recursive': 'Total 0\n',
  'blkio/g/c/blkio.throttle.io_service_bytes_recursive':
    '254:0 Read 118784\n254:0 Write 0\n254:0 Sync 118784\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 118784\nTotal 118784\n',
  'blkio/g/c/blkio.throttle.io_serviced_recursive': '254:0 Read 18\n254:0 Write 0\n254:0 Total 18\nTotal 18\n',
};

/** As a 6.x kernel with v2 alone writes them. */
const recordedV2 = {
  'g/c/cpu.stat':
    'usage_usec 23260\nuser_usec 16000\nsystem_usec 7260\nnr_periods 7\nnr_throttled 2\nthrottled_usec 91234\nnr_bursts 0\nburst_usec 0\n',
  'g/c/memory.current': '806912\n',
  'g/c/memory.max': 'max\n',
  'g/c/memory.events': 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n',
  'g/c/memory.stat': 'anon 57344\nfile 98304\ninactive_file 4096\nactive_file 94208\npgfault 1056\n',
  'g/c/pids.current': '3\n',
  'g/c/pids.max': 'max\n',
  'g/c/io.stat': '254:0 rbytes=118784 wbytes=4096 rios=18 wios=1 dbytes=0 dios=0\n7:0 \n',
};

describe('readCgroupStats', () => {
  it('reads v1', () => {
    record(recordedV1);
    const stats = readCgroupStats(layoutV1(), '/g/c');
    assert.deepEqual(stats?.cpu, {
      totalNs: 23260604,
      perCpuNs: [7319199, 15941405],
      kernelNs: 30_000_000,
      userNs: 120_000_000,
      periods: 7,
      throttledPeriods: 2,
      throttledNs: 91234567,
    });
    assert.deepEqual(
      { ...stats.memory, stats: Object.fromEntries(stats.memory.stats) },
      {
        usageBytes: 806912,
        maxUsageBytes: 4075520,
        limitBytes: 104857600,
        failures: 5,
        stats: {
          cache: 98304,
          rss: 57344,
          hierarchical_memory_limit: 104857600,
          hierarchical_memsw_limit: 209715200,
          total_cache: 98304,
          total_inactive_file: 4096,
        },
      },
    );
    assert.deepEqual(stats.pids, { current: 3, limit: 20 });
    assert.deepEqual(stats.blockIo.serviceBytes?.at(-1), { major: 254, minor: 0, op: 'Total', value: 118784 });
    assert.deepEqual([stats.blockIo.serviceBytes.length, stats.blockIo.serviced?.length], [6, 3]);
    assert.deepEqual(stats.blockIo.time, []);
  });

  it('takes what the CFQ scheduler counts where there is one', () => {
    record({
      ...recordedV1,
      'blkio/g/c/blkio.io_service_bytes_recursive': '8:0 Read 512\n8:0 Total 512\nTotal 512\n',
      'blkio/g/c/blkio.time_recursive': '8:0 77\n',
    });
    const blockIo = readCgroupStats(layoutV1(), '/g/c')?.blockIo;
    assert.deepEqual(blockIo?.serviceBytes?.[0], { major: 8, minor: 0, op: 'Read', value: 512 });
    assert.deepEqual(blockIo.time, [{ major: 8, minor: 0, op: '', value: 77 }]);
  });

  it('knows the v1 number that stands for no limit', () => {
    record({
      ...recordedV1,
      'memory/g/c/memory.limit_in_bytes': '9223372036854771712\n',
      'pids/g/c/pids.max': 'max\n',
    });
    const stats = readCgroupStats(layoutV1(), '/g/c');
    assert.deepEqual([stats?.memory.limitBytes, stats?.pids.limit], [Infinity, Infinity]);
  });

  it('counts nothing for a controller that is not mounted', () => {
    record(recordedV1);
    const layout = layoutV1();
    const some: CgroupLayout = { ...layout, hierarchies: new Map([['pids', join(root, 'pids')]]) };
    const stats = readCgroupStats(some, '/g/c');
    assert.deepEqual([stats?.cpu.totalNs, stats?.memory.limitBytes, stats?.pids.current], [0, Infinity, 3]);
    assert.deepEqual(stats?.blockIo.serviceBytes, []);
  });

  it('reads v2', () => {
    record(recordedV2);
    const stats = readCgroupStats(layoutV2(), '/g/c');
    assert.deepEqual(stats?.cpu, {
      totalNs: 23_260_000,
      perCpuNs: undefined,
      kernelNs: 7_260_000,
      userNs: 16_000_000,
      periods: 7,
      throttledPeriods: 2,
      throttledNs: 91_234_000,
    });
    const { stats: details, ...memory } = stats.memory;
    assert.deepEqual(memory, { usageBytes: 806912, maxUsageBytes: undefined, limitBytes: Infinity, failures: 1 });
    assert.equal(details.get('inactive_file'), 4096);
    assert.deepEqual(stats.pids, { current: 3, limit: Infinity });
    assert.deepEqual(stats.blockIo.serviceBytes, [
      { major: 254, minor: 0, op: 'read', value: 118784 },
      { major: 254, minor: 0, op: 'write', value: 4096 },
      { major: 7, minor: 0, op: 'read', value: 0 },
      { major: 7, minor: 0, op: 'write', value: 0 },
    ]);
    assert.equal(stats.blockIo.serviced, null);
  });

  it('gives nothing for a cgroup that is gone', () => {
    assert.equal(readCgroupStats(layoutV1(), '/g/c'), undefined);
    assert.equal(readCgroupStats(layoutV2(), '/g/c'), undefined);
  });
});
