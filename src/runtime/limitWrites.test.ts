import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { CgroupLayout } from '../linux/index.ts';
import { limitWrites } from './limitWrites.ts';
import type { HostSettings } from './specInput.ts';

const controllers = ['memory', 'cpu', 'cpuset', 'pids', 'blkio'];
const v1: CgroupLayout = {
  mode: 'v1',
  version: 1,
  hierarchies: new Map(controllers.map((name) => [name, `/v1/${name}`])),
  unified: undefined,
  leftover: [],
};
const v2: CgroupLayout = { mode: 'v2', version: 2, hierarchies: new Map(), unified: '/v2', leftover: [] };
const disk = { path: '/dev/sda', type: 'b', major: 8, minor: 0, mode: 0o660, uid: 0, gid: 0 } as const;
const host = { devicesAt: (path: string) => (path === '/dev/sda' ? [disk] : []) };

/** What is written, file and value, below the cgroup's directory. */
function written(layout: CgroupLayout, named: HostSettings, before: HostSettings = {}, files: string[] = []): string[] {
  const change = { named, all: { ...before, ...named } };
  return limitWrites(layout, '/g/c', change, host, (file) => files.includes(file)).map(
    ({ file, value }) => `${file.replace(/^\/v[12]\/(?:\w+\/)?g\/c\//, '')} ${value}`,
  );
}

describe('the limits of a v1 cgroup', () => {
  it('are written with swap lifted while memory changes', () => {
    assert.deepEqual(written(v1, { Memory: 100, MemorySwap: 200, MemoryReservation: 50 }), [
      'memory.memsw.limit_in_bytes -1',
      'memory.limit_in_bytes 100',
      'memory.memsw.limit_in_bytes 200',
      'memory.soft_limit_in_bytes 50',
    ]);
    assert.deepEqual(written(v1, { Memory: 100 }), ['memory.limit_in_bytes 100']);
  });

  it('make CPUs a quota of a period', () => {
    assert.deepEqual(written(v1, { NanoCpus: 1.5e9, CpuShares: 512 }), [
      'cpu.shares 512',
      'cpu.cfs_quota_us -1',
      'cpu.cfs_period_us 100000',
      'cpu.cfs_quota_us 150000',
    ]);
    assert.deepEqual(written(v1, { CpuQuota: -1 }), ['cpu.cfs_quota_us -1']);
  });

  it('are taken away where they can be', () => {
    assert.deepEqual(written(v1, { PidsLimit: 0 }), ['pids.max max']);
    assert.deepEqual(written(v1, { PidsLimit: 7, CpusetCpus: '0-1' }), ['cpuset.cpus 0-1', 'pids.max 7']);
  });

  it('name devices by their numbers', () => {
    assert.deepEqual(written(v1, { BlkioWeight: 300, BlkioDeviceWriteBps: [{ Path: '/dev/sda', Rate: 1024 }] }), [
      'blkio.weight 300',
      'blkio.throttle.write_bps_device 8:0 1024',
    ]);
  });
});

describe('the limits of a v2 cgroup', () => {
  it('count swap by itself, also where only one of the two changes', () => {
    assert.deepEqual(written(v2, { Memory: 100 }, { MemorySwap: 300 }), ['memory.max 100', 'memory.swap.max 200']);
    assert.deepEqual(written(v2, { MemorySwap: -1 }, { Memory: 100 }), ['memory.swap.max max']);
    assert.deepEqual(written(v2, { MemoryReservation: 50 }), ['memory.low 50']);
  });

  it('keep the half of the bandwidth that is not named', () => {
    assert.deepEqual(written(v2, { CpuQuota: 20_000 }, { CpuPeriod: 50_000 }), ['cpu.max 20000 50000']);
    assert.deepEqual(written(v2, { CpuQuota: -1 }), ['cpu.max max 100000']);
  });

  it('are on other scales', () => {
    assert.deepEqual(written(v2, { CpuShares: 1024, BlkioWeight: 1000 }), ['cpu.weight 39', 'io.weight default 10000']);
    assert.deepEqual(written(v2, { BlkioWeight: 300 }, {}, ['/v2/g/c/io.bfq.weight']), ['io.bfq.weight default 300']);
    assert.deepEqual(written(v2, { BlkioDeviceReadIOps: [{ Path: '/dev/sda', Rate: 9 }] }), ['io.max 8:0 riops=9']);
  });
});
