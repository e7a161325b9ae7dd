import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { CgroupLayout } from './cgroups.ts';
import type { BlockIoCounters, CgroupStats, CpuCounters, DeviceCounter, MemoryCounters } from './cgroupStats.ts';
import { readKernelNumber, readKernelPairs, readKernelText } from './kernelText.ts';

/** Times in cpuacct.stat are in ticks of the user interface: 100 a second on every architecture that Node runs on. */
const nsPerTick = 10_000_000;
/** The kernel's word for "no limit" is the largest number of whole pages. */
const unlimitedFromBytes = 2 ** 62;

/** The directory of cgroup `path` under a controller; undefined where the host lacks it. */
type DirectoryOf = (controller: string) => string | undefined;

/** Reads a v1 cgroup (Documentation/admin-guide/cgroup-v1); undefined when it is gone. */
export function readStatsV1({ hierarchies }: CgroupLayout, path: string): CgroupStats | undefined {
  const directoryOf: DirectoryOf = (controller) => {
    const root = hierarchies.get(controller);
    return root === undefined ? undefined : join(root, path);
  };
  const cpu = readCpu(directoryOf);
  const memory = readMemory(directoryOf('memory'));
  const pids = directoryOf('pids');
  const current = pids === undefined ? undefined : readKernelNumber(`${pids}/pids.current`);
  if (cpu === undefined && memory === undefined && current === undefined) return undefined;
  return {
    version: 1,
    cpu: cpu ?? noCpu,
    memory: memory ?? noMemory,
    blockIo: readBlockIo(hierarchies.get('blkio'), path),
    pids: {
      current: current ?? 0,
      limit: (pids === undefined ? undefined : readKernelNumber(`${pids}/pids.max`)) ?? Infinity,
    },
  };
}

const noCpu: CpuCounters = {
  totalNs: 0,
  perCpuNs: undefined,
  kernelNs: 0,
  userNs: 0,
  periods: 0,
  throttledPeriods: 0,
  throttledNs: 0,
};

const noMemory: MemoryCounters = {
  usageBytes: 0,
  maxUsageBytes: undefined,
  limitBytes: Infinity,
  failures: 0,
  stats: new Map(),
};

function readCpu(directoryOf: DirectoryOf): CpuCounters | undefined {
  const accounting = directoryOf('cpuacct');
  const perCpu = accounting === undefined ? undefined : readKernelText(`${accounting}/cpuacct.usage_percpu`);
  if (perCpu === undefined) return undefined;
  const perCpuNs = perCpu.trim().split(' ').map(Number);
  const ticks = readKernelPairs(`${accounting}/cpuacct.stat`);
  const bandwidth = directoryOf('cpu');
  const throttling = bandwidth === undefined ? noPairs : readKernelPairs(`${bandwidth}/cpu.stat`);
  return {
    totalNs: perCpuNs.reduce((sum, value) => sum + value, 0),
    perCpuNs,
    kernelNs: (ticks.get('system') ?? 0) * nsPerTick,
    userNs: (ticks.get('user') ?? 0) * nsPerTick,
    periods: throttling.get('nr_periods') ?? 0,
    throttledPeriods: throttling.get('nr_throttled') ?? 0,
    throttledNs: throttling.get('throttled_time') ?? 0,
  };
}

const noPairs: ReadonlyMap<string, number> = new Map();

function readMemory(directory: string | undefined): MemoryCounters | undefined {
  const usageBytes = directory === undefined ? undefined : readKernelNumber(`${directory}/memory.usage_in_bytes`);
  if (usageBytes === undefined) return undefined;
  const limitBytes = readKernelNumber(`${directory}/memory.limit_in_bytes`) ?? Infinity;
  return {
    usageBytes,
    maxUsageBytes: readKernelNumber(`${directory}/memory.max_usage_in_bytes`),
    limitBytes: limitBytes >= unlimitedFromBytes ? Infinity : limitBytes,
    failures: readKernelNumber(`${directory}/memory.failcnt`) ?? 0,
    stats: readKernelPairs(`${directory}/memory.stat`),
  };
}

/** The files of the CFQ scheduler, which kernels before 5.0 have; throttling counts two of them on all kernels. */
const scheduled = {
  serviceBytes: 'io_service_bytes_recursive',
  serviced: 'io_serviced_recursive',
  queued: 'io_queued_recursive',
  serviceTime: 'io_service_time_recursive',
  waitTime: 'io_wait_time_recursive',
  merged: 'io_merged_recursive',
  time: 'time_recursive',
  sectors: 'sectors_recursive',
} as const satisfies Record<keyof BlockIoCounters, string>;

const noBlockIo: BlockIoCounters = {
  serviceBytes: [],
  serviced: [],
  queued: [],
  serviceTime: [],
  waitTime: [],
  merged: [],
  time: [],
  sectors: [],
};

/** Whether a mounted hierarchy has the scheduler's files: asked once, since what is missing is slow to look for. */
const hasScheduler = new Map<string, boolean>();

function isScheduled(root: string, directory: string): boolean {
  const known = hasScheduler.get(root) ?? existsSync(`${directory}/blkio.${scheduled.serviceBytes}`);
  hasScheduler.set(root, known);
  return known;
}

function readBlockIo(root: string | undefined, path: string): BlockIoCounters {
  if (root === undefined) return noBlockIo;
  const directory = join(root, path);
  const read = (name: string): DeviceCounter[] => parseCounters(readKernelText(`${directory}/blkio.${name}`) ?? '');
  const bytes = isScheduled(root, directory) ? read(scheduled.serviceBytes) : [];
  // Without that scheduler, or on devices that another one serves.
  if (bytes.length === 0) return readThrottled(directory);
  return {
    serviceBytes: bytes,
    serviced: read(scheduled.serviced),
    queued: read(scheduled.queued),
    serviceTime: read(scheduled.serviceTime),
    waitTime: read(scheduled.waitTime),
    merged: read(scheduled.merged),
    time: read(scheduled.time),
    sectors: read(scheduled.sectors),
  };
}

function readThrottled(directory: string): BlockIoCounters {
  const read = (name: string): DeviceCounter[] => {
    const file = `${directory}/blkio.throttle.${name}`;
    // Kernels before 4.17 count without the cgroups below.
    return parseCounters(readKernelText(`${file}_recursive`) ?? readKernelText(file) ?? '');
  };
  return { ...noBlockIo, serviceBytes: read('io_service_bytes'), serviced: read('io_serviced') };
}

/** Lines `MAJOR:MINOR OP VALUE`, or `MAJOR:MINOR VALUE`; the sum over all devices at the end is left out. */
function parseCounters(text: string): DeviceCounter[] {
  const counters: DeviceCounter[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line);
    if (match === null) continue;
    const [, major, minor, op = '', value] = match;
    counters.push({ major: Number(major), minor: Number(minor), op, value: Number(value) });
  }
  return counters;
}
