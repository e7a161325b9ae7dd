import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CgroupLayout } from '../linux/index.ts';

/** Which limits the kernel of this host can keep; what it cannot is discarded with a warning when a container is made. */
export interface ResourceSupport {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly memoryReservation: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuShares: boolean;
  readonly cpuQuota: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  /** CPUs and memory nodes that containers may be bound to, as a list: `0-3,7`. */
  readonly cpus: string;
  readonly memoryNodes: string;
  readonly pids: boolean;
  readonly blockIoWeight: boolean;
  readonly blockIoWeightDevice: boolean;
  readonly readBps: boolean;
  readonly writeBps: boolean;
  readonly readIops: boolean;
  readonly writeIops: boolean;
  readonly cgroupNamespaces: boolean;
}

type Limits = Omit<ResourceSupport, 'cgroupNamespaces'>;

/** Reads what the mounted control groups offer (cgroups(7)). It does not change while the daemon runs. */
export function readResourceSupport(layout: CgroupLayout): ResourceSupport {
  const limits = layout.version === 2 ? unifiedLimits(layout) : separateLimits(layout);
  return { ...limits, cgroupNamespaces: existsSync('/proc/self/ns/cgroup') };
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

/** cgroup v1: a limit is there when its file is. */
function separateLimits({ hierarchies }: CgroupLayout): Limits {
  const has = (controller: string, file: string): boolean => {
    const root = hierarchies.get(controller);
    return root !== undefined && existsSync(join(root, file));
  };
  const cpuset = hierarchies.get('cpuset');
  return {
    memory: hierarchies.has('memory'),
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    memorySwappiness: has('memory', 'memory.swappiness'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuQuota: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_period_us'),
    cpuset: cpuset !== undefined,
    cpus: cpuset === undefined ? '' : textOf(join(cpuset, 'cpuset.cpus')),
    memoryNodes: cpuset === undefined ? '' : textOf(join(cpuset, 'cpuset.mems')),
    pids: hierarchies.has('pids'),
    blockIoWeight: has('blkio', 'blkio.weight'),
    blockIoWeightDevice: has('blkio', 'blkio.weight_device'),
    readBps: has('blkio', 'blkio.throttle.read_bps_device'),
    writeBps: has('blkio', 'blkio.throttle.write_bps_device'),
    readIops: has('blkio', 'blkio.throttle.read_iops_device'),
    writeIops: has('blkio', 'blkio.throttle.write_iops_device'),
  };
}

/** cgroup v2: a controller brings all of its limits with it. The root has no limits of its own to look for. */
function unifiedLimits({ unified = '/sys/fs/cgroup' }: CgroupLayout): Limits {
  const controllers = new Set(textOf(join(unified, 'cgroup.controllers')).split(' '));
  const memory = controllers.has('memory');
  const cpu = controllers.has('cpu');
  const io = controllers.has('io');
  return {
    memory,
    swap: memory && existsSync('/proc/swaps'),
    memoryReservation: memory,
    memorySwappiness: false,
    oomKillDisable: false,
    cpuShares: cpu,
    cpuQuota: cpu,
    cpuRealtime: false,
    cpuset: controllers.has('cpuset'),
    cpus: textOf(join(unified, 'cpuset.cpus.effective')),
    memoryNodes: textOf(join(unified, 'cpuset.mems.effective')),
    pids: controllers.has('pids'),
    blockIoWeight: io,
    blockIoWeightDevice: io,
    readBps: io,
    writeBps: io,
    readIops: io,
    writeIops: io,
  };
}
