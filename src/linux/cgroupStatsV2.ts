import { join } from 'node:path';

import type { BlockIoCounters, CgroupStats, CpuCounters, DeviceCounter, MemoryCounters } from './cgroupStats.ts';
import { readKernelNumber, readKernelPairs, readKernelText } from './kernelText.ts';

const nsPerMicro = 1000;

/** Reads a v2 cgroup (Documentation/admin-guide/cgroup-v2.rst, "Controllers"); undefined when it is gone. */
export function readStatsV2(root: string, path: string): CgroupStats | undefined {
  const directory = join(root, path);
  // cpu.stat is there without any controller.
  const cpu = readKernelPairs(`${directory}/cpu.stat`);
  if (cpu.size === 0) return undefined;
  return {
    version: 2,
    cpu: cpuOf(cpu),
    memory: readMemory(directory),
    blockIo: { ...notCounted, serviceBytes: serviceBytes(readKernelText(`${directory}/io.stat`) ?? '') },
    pids: {
      current: readKernelNumber(`${directory}/pids.current`) ?? 0,
      limit: readKernelNumber(`${directory}/pids.max`) ?? Infinity,
    },
  };
}

function cpuOf(pairs: ReadonlyMap<string, number>): CpuCounters {
  const micros = (name: string): number => (pairs.get(name) ?? 0) * nsPerMicro;
  return {
    totalNs: micros('usage_usec'),
    perCpuNs: undefined,
    kernelNs: micros('system_usec'),
    userNs: micros('user_usec'),
    periods: pairs.get('nr_periods') ?? 0,
    throttledPeriods: pairs.get('nr_throttled') ?? 0,
    throttledNs: micros('throttled_usec'),
  };
}

function readMemory(directory: string): MemoryCounters {
  return {
    usageBytes: readKernelNumber(`${directory}/memory.current`) ?? 0,
    maxUsageBytes: undefined,
    limitBytes: readKernelNumber(`${directory}/memory.max`) ?? Infinity,
    failures: readKernelPairs(`${directory}/memory.events`).get('oom') ?? 0,
    stats: readKernelPairs(`${directory}/memory.stat`),
  };
}

const notCounted: BlockIoCounters = {
  serviceBytes: null,
  serviced: null,
  queued: null,
  serviceTime: null,
  waitTime: null,
  merged: null,
  time: null,
  sectors: null,
};

/** Lines `MAJOR:MINOR rbytes=1 wbytes=2 ...`; a device that did nothing may come without numbers. Null without devices. */
function serviceBytes(text: string): DeviceCounter[] | null {
  const counters: DeviceCounter[] = [];
  for (const line of text.split('\n')) {
    const device = /^(\d+):(\d+) /.exec(line);
    if (device === null) continue;
    const [major, minor] = [Number(device[1]), Number(device[2])];
    const valueOf = (key: string): number => Number(new RegExp(` ${key}=(\\d+)`).exec(line)?.[1] ?? 0);
    counters.push({ major, minor, op: 'read', value: valueOf('rbytes') });
    counters.push({ major, minor, op: 'write', value: valueOf('wbytes') });
  }
  return counters.length === 0 ? null : counters;
}
