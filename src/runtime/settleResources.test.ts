import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { isKind } from '../base/index.ts';
import { checkSettings } from './checkSettings.ts';
import { parseCpuList } from './cpuList.ts';
import { settleResources } from './settleResources.ts';
import type { HostFacts, HostSettings } from './specInput.ts';
import { everyLimit } from './testSupport.ts';

const host: HostFacts = {
  architecture: 'amd64',
  cgroupVersion: 1,
  support: everyLimit,
  cpuCount: 2,
  capabilities: ['CAP_CHOWN'],
  oomScoreAdj: 0,
  hardLimits: { nofile: 100, core: Infinity },
  devicesAt: () => [],
};

const mib = 2 ** 20;

describe('resources', () => {
  const wrong: readonly (readonly [HostSettings, string])[] = [
    [{ Memory: mib }, 'Minimum memory limit allowed is 6MB'],
    [{ Memory: -1 }, 'Minimum memory limit allowed is 6MB'],
    [
      { Memory: 64 * mib, MemorySwap: 32 * mib },
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [{ MemorySwap: 64 * mib }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    [{ MemoryReservation: mib }, 'Minimum memory reservation allowed is 6MB'],
    [
      { Memory: 16 * mib, MemoryReservation: 32 * mib },
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
    [{ MemorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
    [{ NanoCpus: 3e9 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [{ NanoCpus: -1 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [{ NanoCpus: 1, CpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
    [{ NanoCpus: 1, CpuQuota: 1000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [{ CpuQuota: 999 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [{ CpuPeriod: 1_000_001 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
    [
      { CpuRealtimePeriod: 10, CpuRealtimeRuntime: 11 },
      'cpu real-time runtime cannot be higher than cpu real-time period',
    ],
    [{ CpusetCpus: '1-0' }, 'Invalid value 1-0 for cpuset cpus: invalid format: 1-0'],
    [{ CpusetCpus: '0-2' }, 'Requested CPUs are not available - requested 0-2, available: 0-1'],
    [{ CpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
    [{ BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
    [{ IOMaximumIOps: 1 }, 'Invalid QoS settings: linux does not support configuration of maximum IOPs'],
  ];
  for (const [settings, message] of wrong)
    it(`that cannot be right are refused: ${JSON.stringify(settings)}`, () => {
      assert.throws(
        () => settleResources(settings, host),
        (error) => isKind(error, 'invalid') && error.message === message,
      );
    });

  it('that are right stay as they are', () => {
    const settings: HostSettings = { Memory: 64 * mib, MemorySwap: -1, NanoCpus: 2e9, CpusetCpus: '0,1', PidsLimit: 5 };
    assert.deepEqual(settleResources(settings, host), { settings, warnings: [] });
  });

  it('that the kernel does not know are discarded, and the user is told', () => {
    const support = {
      ...everyLimit,
      swap: false,
      memorySwappiness: false,
      oomKillDisable: false,
      blockIoWeight: false,
      readBps: false,
    };
    const asked: HostSettings = {
      Memory: 64 * mib,
      MemorySwappiness: 10,
      OomKillDisable: true,
      BlkioWeight: 300,
      BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1 }],
      PidsLimit: 5,
    };
    const { settings, warnings } = settleResources(asked, { ...host, support });
    assert.deepEqual(settings, {
      Memory: 64 * mib,
      MemorySwap: -1,
      MemorySwappiness: null,
      OomKillDisable: null,
      BlkioWeight: 0,
      BlkioDeviceReadBps: [],
      PidsLimit: 5,
    });
    assert.deepEqual(warnings, [
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
      'Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded.',
    ]);
    assert.deepEqual(settleResources({ OomKillDisable: false }, { ...host, support }).warnings, []);
  });

  it('of an update may name swap alone', () => {
    assert.deepEqual(settleResources({ MemorySwap: 64 * mib }, host, true).warnings, []);
  });
});

describe('other settings', () => {
  it('are refused when they cannot be right', () => {
    const wrong: readonly HostSettings[] = [
      { ShmSize: -1 },
      { OomScoreAdj: 1001 },
      { Tmpfs: { relative: '' } },
      { Tmpfs: { '//': '' } },
      { Tmpfs: { '/./': '' } },
      { Tmpfs: { '/x/..': '' } },
      { DeviceCgroupRules: ['c 1:3'] },
      { Ulimits: [{ Name: 'nonsense', Soft: 1, Hard: 1 }] },
      { Ulimits: [{ Name: 'nofile', Soft: -1, Hard: 50 }] },
      { Ulimits: [{ Name: 'nofile', Soft: 50, Hard: -1 }] },
      { CapAdd: ['SYS_ADMIN'] },
    ];
    for (const settings of wrong) {
      assert.throws(
        () => checkSettings(settings, host),
        (error) => isKind(error, 'invalid'),
        JSON.stringify(settings),
      );
    }
    assert.deepEqual(checkSettings({ Ulimits: [{ Name: 'core', Soft: 0, Hard: -1 }], OomScoreAdj: 5 }, host), []);
  });

  it('take the path of a tmpfs however it is written', () => {
    for (const path of [`${'/'.repeat(4096)}run`, '/...', '/.run']) {
      assert.deepEqual(checkSettings({ Tmpfs: { [path]: '' } }, host), [], path);
    }
  });

  it('warn of a score that the daemon may not give', () => {
    assert.match(checkSettings({ OomScoreAdj: -500 }, host).join(), /may not lower the OOM score to -500\. It is 0\./);
    assert.deepEqual(checkSettings({ OomScoreAdj: -500 }, { ...host, capabilities: ['CAP_SYS_RESOURCE'] }), []);
  });
});

describe('a list of CPUs', () => {
  it('is read as the kernel reads it', () => {
    assert.deepEqual([...(parseCpuList('0-2,7') ?? [])], [0, 1, 2, 7]);
    for (const wrong of ['x', '1-', '-1', '2-1', '0,', '0-9999', '1--2', ' 1']) {
      assert.equal(parseCpuList(wrong), undefined, wrong);
    }
  });

  it('holds what was put into it, and never grows beyond bounds', () => {
    const ranges = fc.array(
      fc.tuple(fc.nat(8192), fc.nat(50)).map(([from, more]) => [from, Math.min(from + more, 8192)] as const),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(ranges, (pairs) => {
        const numbers = parseCpuList(pairs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(','));
        assert.ok(numbers !== undefined && pairs.every(([from, to]) => numbers.has(from) && numbers.has(to)));
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => (parseCpuList(text)?.size ?? 0) <= 8193));
  });
});
