import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { CgroupLayout, CgroupWrite } from '../linux/index.ts';
import { blockDeviceAt } from './devices.ts';
import type { HostFacts, HostSettings } from './specInput.ts';

const cpuPeriodMicros = 100_000;
const nanosPerCpu = 1e9;

export interface LimitChange {
  /** The limits that change, and no others. */
  readonly named: HostSettings;
  /** All limits of the container as they shall be. */
  readonly all: HostSettings;
}

/** Finds the numbers of a device's node. */
type DeviceFinder = Pick<HostFacts, 'devicesAt'>;

/** Whether a file is there: some have another name on some kernels. */
type Exists = (file: string) => boolean;

/**
 * What is written to change the limits of a running container whose cgroup is `path` (`/gantry/ID`). The control group's
 * files are written and not the OCI runtime asked: crun 1.8 refuses "no limit" for pids and for the quota, and leaves what
 * it has changed when the kernel refuses the rest.
 */
export function limitWrites(
  layout: CgroupLayout,
  path: string,
  change: LimitChange,
  host: DeviceFinder,
  exists: Exists = existsSync,
): CgroupWrite[] {
  return layout.version === 2
    ? unifiedWrites(join(layout.unified ?? '/sys/fs/cgroup', path), change, host, exists)
    : separateWrites((controller, file) => join(layout.hierarchies.get(controller) ?? '', path, file), change, host);
}

type FileOf = (controller: string, file: string) => string;

const write = (file: string, value: string | number): CgroupWrite => ({ file, value: String(value) });
const given = (value: number | null | undefined): value is number =>
  value !== undefined && value !== null && value !== 0;
const pidsText = (limit: number): string => (limit > 0 ? String(limit) : 'max');

function separateWrites(fileOf: FileOf, change: LimitChange, host: DeviceFinder): CgroupWrite[] {
  const { named } = change;
  const { PidsLimit: pids } = named;
  return [
    ...separateMemory(fileOf, named),
    ...separateCpu(fileOf, named),
    ...(named.CpusetMems ? [write(fileOf('cpuset', 'cpuset.mems'), named.CpusetMems)] : []),
    ...(named.CpusetCpus ? [write(fileOf('cpuset', 'cpuset.cpus'), named.CpusetCpus)] : []),
    ...(pids === undefined || pids === null ? [] : [write(fileOf('pids', 'pids.max'), pidsText(pids))]),
    ...separateBlockIo(fileOf, named, host),
  ];
}

/** The kernel wants the one limit never above the other: the outer one is lifted while the inner one changes. */
function separateMemory(fileOf: FileOf, { Memory, MemorySwap, MemoryReservation }: HostSettings): CgroupWrite[] {
  const swapFile = fileOf('memory', 'memory.memsw.limit_in_bytes');
  return [
    ...(given(MemorySwap) && given(Memory) ? [write(swapFile, -1)] : []),
    ...(given(Memory) ? [write(fileOf('memory', 'memory.limit_in_bytes'), Memory)] : []),
    ...(given(MemorySwap) ? [write(swapFile, MemorySwap)] : []),
    ...(given(MemoryReservation) ? [write(fileOf('memory', 'memory.soft_limit_in_bytes'), MemoryReservation)] : []),
  ];
}

interface Bandwidth {
  readonly quotaMicros: number | undefined;
  readonly periodMicros: number | undefined;
}

function bandwidthOf({ NanoCpus, CpuQuota, CpuPeriod }: HostSettings): Bandwidth {
  if (given(NanoCpus)) {
    return { quotaMicros: Math.trunc((NanoCpus * cpuPeriodMicros) / nanosPerCpu), periodMicros: cpuPeriodMicros };
  }
  return {
    quotaMicros: given(CpuQuota) ? CpuQuota : undefined,
    periodMicros: given(CpuPeriod) ? CpuPeriod : undefined,
  };
}

function separateCpu(fileOf: FileOf, named: HostSettings): CgroupWrite[] {
  const { quotaMicros, periodMicros } = bandwidthOf(named);
  const { CpuShares: shares, CpuRealtimePeriod: realtimePeriod, CpuRealtimeRuntime: realtimeRuntime } = named;
  const quotaFile = fileOf('cpu', 'cpu.cfs_quota_us');
  return [
    ...(given(shares) ? [write(fileOf('cpu', 'cpu.shares'), shares)] : []),
    // Between a new period and an old quota there may be more than the parent allows.
    ...(quotaMicros !== undefined && periodMicros !== undefined ? [write(quotaFile, -1)] : []),
    ...(periodMicros === undefined ? [] : [write(fileOf('cpu', 'cpu.cfs_period_us'), periodMicros)]),
    ...(quotaMicros === undefined ? [] : [write(quotaFile, quotaMicros)]),
    ...(given(realtimePeriod) ? [write(fileOf('cpu', 'cpu.rt_period_us'), realtimePeriod)] : []),
    ...(given(realtimeRuntime) ? [write(fileOf('cpu', 'cpu.rt_runtime_us'), realtimeRuntime)] : []),
  ];
}

const throttleFiles = {
  BlkioDeviceReadBps: { file: 'blkio.throttle.read_bps_device', key: 'rbps' },
  BlkioDeviceWriteBps: { file: 'blkio.throttle.write_bps_device', key: 'wbps' },
  BlkioDeviceReadIOps: { file: 'blkio.throttle.read_iops_device', key: 'riops' },
  BlkioDeviceWriteIOps: { file: 'blkio.throttle.write_iops_device', key: 'wiops' },
} as const;

interface Throttle {
  /** `8:0`. */
  readonly device: string;
  readonly file: string;
  readonly key: string;
  readonly rate: number;
}

function throttlesOf(named: HostSettings, host: DeviceFinder): Throttle[] {
  return Object.entries(throttleFiles).flatMap(([setting, { file, key }]) =>
    (named[setting as keyof typeof throttleFiles] ?? []).map(({ Path = '', Rate = 0 }) => ({
      device: deviceKey(Path, host),
      file,
      key,
      rate: Rate,
    })),
  );
}

function deviceKey(path: string, host: DeviceFinder): string {
  const { major, minor } = blockDeviceAt(path, host);
  return `${major}:${minor}`;
}

function separateBlockIo(fileOf: FileOf, named: HostSettings, host: DeviceFinder): CgroupWrite[] {
  const { BlkioWeight: weight, BlkioWeightDevice: weights } = named;
  const deviceWrite = (file: string, key: string, value: number): CgroupWrite => ({
    file: fileOf('blkio', file),
    value: `${key} ${value}`,
    device: { key, unlimited: `${key} 0` },
  });
  return [
    ...(given(weight) ? [write(fileOf('blkio', 'blkio.weight'), weight)] : []),
    ...(weights ?? []).map(({ Path = '', Weight = 0 }) =>
      deviceWrite('blkio.weight_device', deviceKey(Path, host), Weight),
    ),
    ...throttlesOf(named, host).map(({ file, device, rate }) => deviceWrite(file, device, rate)),
  ];
}

/** cgroup v2 (cgroup-v2.rst, "Controllers"), with the conversions of the OCI runtimes. */
function unifiedWrites(dir: string, change: LimitChange, host: DeviceFinder, exists: Exists): CgroupWrite[] {
  const { named } = change;
  const { CpuShares: shares, PidsLimit: pids, MemoryReservation: reservation } = named;
  return [
    ...unifiedMemory(dir, change),
    ...(given(reservation) ? [write(`${dir}/memory.low`, reservation)] : []),
    ...(given(shares) ? [write(`${dir}/cpu.weight`, cpuWeight(shares))] : []),
    ...unifiedBandwidth(dir, change),
    ...(named.CpusetMems ? [write(`${dir}/cpuset.mems`, named.CpusetMems)] : []),
    ...(named.CpusetCpus ? [write(`${dir}/cpuset.cpus`, named.CpusetCpus)] : []),
    ...(pids === undefined || pids === null ? [] : [write(`${dir}/pids.max`, pidsText(pids))]),
    ...unifiedBlockIo(dir, named, host, exists),
  ];
}

/** Swap is counted by itself here, so that its limit follows the other's. */
function unifiedMemory(dir: string, { named, all }: LimitChange): CgroupWrite[] {
  if (!given(named.Memory) && !given(named.MemorySwap)) return [];
  const [memory, swap] = [all.Memory ?? 0, all.MemorySwap ?? 0];
  return [
    ...(given(named.Memory) ? [write(`${dir}/memory.max`, memory)] : []),
    ...(swap === 0 ? [] : [write(`${dir}/memory.swap.max`, swap < 0 ? 'max' : Math.max(swap - memory, 0))]),
  ];
}

function unifiedBandwidth(dir: string, { named, all }: LimitChange): CgroupWrite[] {
  const changed = bandwidthOf(named);
  if (changed.quotaMicros === undefined && changed.periodMicros === undefined) return [];
  const { quotaMicros = -1, periodMicros = cpuPeriodMicros } = bandwidthOf(all);
  return [write(`${dir}/cpu.max`, `${quotaMicros > 0 ? quotaMicros : 'max'} ${periodMicros}`)];
}

/** Shares 2 to 262144 on the scale of weights, 1 to 10000. */
function cpuWeight(shares: number): number {
  return 1 + Math.trunc(((Math.max(shares, 2) - 2) * 9999) / 262_142);
}

/** Weights 10 to 1000 on the scale 1 to 10000. */
function ioWeight(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

function unifiedBlockIo(dir: string, named: HostSettings, host: DeviceFinder, exists: Exists): CgroupWrite[] {
  const { BlkioWeight: weight, BlkioWeightDevice: weights } = named;
  const ofScheduler = exists(`${dir}/io.bfq.weight`);
  const weightFile = ofScheduler ? `${dir}/io.bfq.weight` : `${dir}/io.weight`;
  const scaled = ofScheduler ? (value: number): number => value : ioWeight;
  const weightWrite = (key: string, value: string): CgroupWrite => ({
    file: weightFile,
    value: `${key} ${value}`,
    device: { key, unlimited: `${key} default` },
  });
  return [
    ...(given(weight) ? [weightWrite('default', String(scaled(weight)))] : []),
    ...(weights ?? []).map(({ Path = '', Weight = 0 }) =>
      weightWrite(deviceKey(Path, host), Weight === 0 ? 'default' : String(scaled(Weight))),
    ),
    ...throttlesOf(named, host).map(({ device, key, rate }) => ({
      file: `${dir}/io.max`,
      value: `${device} ${key}=${rate === 0 ? 'max' : rate}`,
      device: { key: device, unlimited: `${device} rbps=max wbps=max riops=max wiops=max` },
    })),
  ];
}
