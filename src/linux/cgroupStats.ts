/** What the kernel has counted for a control group, in one shape for cgroup v1 and v2. */
import type { CgroupLayout } from './cgroups.ts';
import { readStatsV1 } from './cgroupStatsV1.ts';
import { readStatsV2 } from './cgroupStatsV2.ts';

/** A counter of one block device: `op` is the kernel's word on v1 (`Read`, `Total`), `read` or `write` on v2. */
export interface DeviceCounter {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface CpuCounters {
  readonly totalNs: number;
  /** v1 only. */
  readonly perCpuNs: readonly number[] | undefined;
  readonly kernelNs: number;
  readonly userNs: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

export interface MemoryCounters {
  readonly usageBytes: number;
  /** v1 only. */
  readonly maxUsageBytes: number | undefined;
  /** Infinity without one. */
  readonly limitBytes: number;
  /** How often the limit was hit (v1), or led to an out-of-memory situation (v2). */
  readonly failures: number;
  /** memory.stat by the kernel's names. */
  readonly stats: ReadonlyMap<string, number>;
}

/** Null where the kernel's version does not count it. */
export interface BlockIoCounters {
  readonly serviceBytes: readonly DeviceCounter[] | null;
  readonly serviced: readonly DeviceCounter[] | null;
  readonly queued: readonly DeviceCounter[] | null;
  readonly serviceTime: readonly DeviceCounter[] | null;
  readonly waitTime: readonly DeviceCounter[] | null;
  readonly merged: readonly DeviceCounter[] | null;
  readonly time: readonly DeviceCounter[] | null;
  readonly sectors: readonly DeviceCounter[] | null;
}

export interface CgroupStats {
  readonly version: 1 | 2;
  readonly cpu: CpuCounters;
  readonly memory: MemoryCounters;
  readonly blockIo: BlockIoCounters;
  readonly pids: { readonly current: number; readonly limit: number };
}

/**
 * Reads the counters of cgroup `path` (`/gantry/ID`); undefined when it is gone. A controller that the host lacks counts
 * nothing. Synchronous, some 200 us.
 */
export function readCgroupStats(layout: CgroupLayout, path: string): CgroupStats | undefined {
  return layout.version === 2 ? readStatsV2(layout.unified ?? '/sys/fs/cgroup', path) : readStatsV1(layout, path);
}
