import type { ContainerStats } from '../api/index.ts';
import { formatTime, zeroTime } from '../base/index.ts';
import type { CgroupStats, CpuCounters, DeviceCounter, HostCpu, InterfaceCounters } from '../linux/index.ts';

/** What was counted for a running container at one moment. */
export interface ContainerSample {
  readonly readAtNs: bigint;
  readonly host: HostCpu;
  readonly cgroup: CgroupStats;
  readonly networks: ReadonlyMap<string, InterfaceCounters>;
}

interface Subject {
  readonly id: string;
  readonly name: string;
}

type CpuStats = ContainerStats['cpu_stats'];

/**
 * A sample as GET /containers/{id}/stats has it, its fields in Docker's order. `previous` is the sample that the client got
 * before; without a sample (the container does not run) all is empty. `memoryBytes` is the host's, the limit of those that
 * have none.
 */
export function statsView(
  { id, name }: Subject,
  sample: ContainerSample | undefined,
  previous: ContainerSample | undefined,
  memoryBytes: number,
): ContainerStats {
  const cgroup = sample?.cgroup;
  return {
    name: `/${name}`,
    id,
    read: timeOf(sample),
    preread: timeOf(previous),
    pids_stats: cgroup === undefined ? {} : pidsView(cgroup),
    blkio_stats: blockIoView(cgroup),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuView(sample),
    precpu_stats: cpuView(previous),
    memory_stats: cgroup === undefined ? {} : memoryView(cgroup, memoryBytes),
    ...networksView(sample),
  };
}

function timeOf(sample: ContainerSample | undefined): string {
  return sample === undefined ? zeroTime : formatTime(sample.readAtNs);
}

/** A member that is left out when it is 0, as Go's `omitempty` does. */
function unlessZero<K extends string>(key: K, value: number | undefined): { readonly [P in K]?: number } {
  return (value ?? 0) === 0 ? {} : ({ [key]: value } as { readonly [P in K]?: number });
}

const mostUnsigned = 2 ** 64;

/** Without a limit the field is absent on v1; on v2 it is the largest unsigned number. */
function pidsView({ version, pids }: CgroupStats): ContainerStats['pids_stats'] {
  const unlimited = version === 1 ? 0 : mostUnsigned;
  return {
    ...unlessZero('current', pids.current),
    ...unlessZero('limit', pids.limit === Infinity ? unlimited : pids.limit),
  };
}

function blockIoView(cgroup: CgroupStats | undefined): ContainerStats['blkio_stats'] {
  const io = cgroup?.blockIo;
  return {
    io_service_bytes_recursive: countersView(io?.serviceBytes),
    io_serviced_recursive: countersView(io?.serviced),
    io_queue_recursive: countersView(io?.queued),
    io_service_time_recursive: countersView(io?.serviceTime),
    io_wait_time_recursive: countersView(io?.waitTime),
    io_merged_recursive: countersView(io?.merged),
    io_time_recursive: countersView(io?.time),
    sectors_recursive: countersView(io?.sectors),
  };
}

function countersView(counters: readonly DeviceCounter[] | null | undefined): DeviceCounter[] | null {
  return counters === null || counters === undefined ? null : [...counters];
}

const noThrottling = { periods: 0, throttled_periods: 0, throttled_time: 0 };

function cpuView(sample: ContainerSample | undefined): CpuStats {
  if (sample === undefined) {
    return {
      cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
      throttling_data: noThrottling,
    };
  }
  const { cgroup, host } = sample;
  return {
    cpu_usage: usageView(cgroup.cpu),
    system_cpu_usage: host.totalNs,
    online_cpus: host.onlineCpus,
    throttling_data: {
      periods: cgroup.cpu.periods,
      throttled_periods: cgroup.cpu.throttledPeriods,
      throttled_time: cgroup.cpu.throttledNs,
    },
  };
}

function usageView({ totalNs, perCpuNs, kernelNs, userNs }: CpuCounters): NonNullable<CpuStats>['cpu_usage'] {
  return {
    total_usage: totalNs,
    ...(perCpuNs === undefined ? {} : { percpu_usage: [...perCpuNs] }),
    usage_in_kernelmode: kernelNs,
    usage_in_usermode: userNs,
  };
}

function memoryView({ version, memory }: CgroupStats, memoryBytes: number): ContainerStats['memory_stats'] {
  return {
    ...unlessZero('usage', memory.usageBytes),
    ...unlessZero('max_usage', memory.maxUsageBytes),
    stats: version === 1 ? memoryStatsV1(memory.stats) : memoryStatsV2(memory.stats),
    ...unlessZero('failcnt', memory.failures),
    limit: Math.min(memory.limitBytes, memoryBytes),
  };
}

const countedV1 = [
  'active_anon',
  'active_file',
  'cache',
  'dirty',
  'inactive_anon',
  'inactive_file',
  'mapped_file',
  'pgfault',
  'pgmajfault',
  'pgpgin',
  'pgpgout',
  'rss',
  'rss_huge',
  'unevictable',
  'writeback',
];

const namesV1 = [
  ...countedV1,
  'hierarchical_memory_limit',
  'hierarchical_memsw_limit',
  ...countedV1.map((name) => `total_${name}`),
].sort();

/** Of memory.stat Docker shows these on v1, each, whether this kernel has it or not. */
function memoryStatsV1(stats: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(namesV1.map((name) => [name, stats.get(name) ?? 0]));
}

const namesV2 = [
  'active_anon',
  'active_file',
  'anon',
  'anon_thp',
  'file',
  'file_dirty',
  'file_mapped',
  'file_writeback',
  'inactive_anon',
  'inactive_file',
  'kernel_stack',
  'pgactivate',
  'pgdeactivate',
  'pgfault',
  'pglazyfree',
  'pglazyfreed',
  'pgmajfault',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'shmem',
  'slab',
  'slab_reclaimable',
  'slab_unreclaimable',
  'sock',
  'thp_collapse_alloc',
  'thp_fault_alloc',
  'unevictable',
  'workingset_activate',
  'workingset_nodereclaim',
  'workingset_refault',
];

/** Kernels since 5.9 count the working set by kind of memory: Docker's field is their sum. */
function memoryStatsV2(stats: ReadonlyMap<string, number>): Record<string, number> {
  const valueOf = (name: string): number =>
    stats.get(name) ?? (stats.get(`${name}_anon`) ?? 0) + (stats.get(`${name}_file`) ?? 0);
  return Object.fromEntries(namesV2.map((name) => [name, valueOf(name)]));
}

function networksView(sample: ContainerSample | undefined): Pick<ContainerStats, 'networks'> {
  if (sample === undefined || sample.networks.size === 0) return {};
  const views = [...sample.networks].map(([name, counters]) => [name, interfaceView(counters)] as const);
  return { networks: Object.fromEntries(views) };
}

function interfaceView(counters: InterfaceCounters): NonNullable<ContainerStats['networks']>[string] {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}
