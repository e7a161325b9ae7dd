import { GantryError } from '../base/index.ts';

import { parseCpuList } from './cpuList.ts';
import type { HostFacts, HostSettings } from './specInput.ts';

const leastMemoryBytes = 6 * 1024 * 1024;
const nanosPerCpu = 1e9;

/** What one rule says of the settings so far; nothing when they are fine. */
type Verdict =
  | { readonly refusal: string }
  | { readonly warning?: string; readonly change?: Partial<HostSettings> }
  | undefined;

interface Situation {
  readonly host: HostFacts;
  /** The limits of a container that exists are changed: those that are not named stay as they are. */
  readonly isUpdate: boolean;
}

type Rule = (settings: HostSettings, situation: Situation) => Verdict;

const positive = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && value > 0;
const named = (text: string | null | undefined): text is string => text !== null && text !== undefined && text !== '';
const refuse = (refusal: string): Verdict => ({ refusal });
const unsupported = (what: string): string => `Your kernel does not support ${what} or the cgroup is not mounted.`;

const memoryRules: readonly Rule[] = [
  ({ MemorySwappiness }) => (MemorySwappiness === -1 ? { change: { MemorySwappiness: null } } : undefined),
  ({ Memory }) =>
    Memory !== null && Memory !== undefined && Memory !== 0 && Memory < leastMemoryBytes
      ? refuse('Minimum memory limit allowed is 6MB')
      : undefined,
  ({ Memory }, { host }) =>
    positive(Memory) && !host.support.memory
      ? {
          warning: `${unsupported('memory limit capabilities')} Limitation discarded.`,
          change: { Memory: 0, MemorySwap: -1 },
        }
      : undefined,
  ({ Memory, MemorySwap }, { host }) =>
    positive(Memory) && MemorySwap !== -1 && !host.support.swap
      ? {
          warning: `${unsupported('swap limit capabilities')} Memory limited without swap.`,
          change: { MemorySwap: -1 },
        }
      : undefined,
  ({ Memory, MemorySwap }) =>
    positive(Memory) && positive(MemorySwap) && MemorySwap < Memory
      ? refuse('Minimum memoryswap limit should be larger than memory limit, see usage')
      : undefined,
  ({ Memory, MemorySwap }, { isUpdate }) =>
    !positive(Memory) && positive(MemorySwap) && !isUpdate
      ? refuse('You should always set the Memory limit when using Memoryswap limit, see usage')
      : undefined,
  ({ MemorySwappiness }, { host }) =>
    MemorySwappiness !== null && MemorySwappiness !== undefined && !host.support.memorySwappiness
      ? {
          warning: `${unsupported('memory swappiness capabilities')} Memory swappiness discarded.`,
          change: { MemorySwappiness: null },
        }
      : undefined,
  ({ MemorySwappiness: swappiness }) =>
    swappiness !== null && swappiness !== undefined && (swappiness < 0 || swappiness > 100)
      ? refuse(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`)
      : undefined,
  ({ MemoryReservation }, { host }) =>
    positive(MemoryReservation) && !host.support.memoryReservation
      ? {
          warning: `${unsupported('memory soft limit capabilities')} Limitation discarded.`,
          change: { MemoryReservation: 0 },
        }
      : undefined,
  ({ MemoryReservation }) =>
    positive(MemoryReservation) && MemoryReservation < leastMemoryBytes
      ? refuse('Minimum memory reservation allowed is 6MB')
      : undefined,
  ({ Memory, MemoryReservation }) =>
    positive(Memory) && positive(MemoryReservation) && Memory < MemoryReservation
      ? refuse('Minimum memory limit can not be less than memory reservation limit, see usage')
      : undefined,
  ({ OomKillDisable }, { host }) => {
    if (OomKillDisable === null || OomKillDisable === undefined || host.support.oomKillDisable) return undefined;
    const warning = 'Your kernel does not support OomKillDisable. OomKillDisable discarded.';
    return { ...(OomKillDisable ? { warning } : {}), change: { OomKillDisable: null } };
  },
  ({ OomKillDisable, Memory }) =>
    OomKillDisable === true && !positive(Memory)
      ? {
          warning:
            'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
        }
      : undefined,
  ({ PidsLimit }, { host }) =>
    positive(PidsLimit) && !host.support.pids
      ? {
          warning: `${unsupported('PIDs limit capabilities')} PIDs limit discarded.`,
          change: { PidsLimit: null },
        }
      : undefined,
];

const cpuRules: readonly Rule[] = [
  ({ CpuRealtimePeriod, CpuRealtimeRuntime }, { host }) =>
    (positive(CpuRealtimePeriod) || positive(CpuRealtimeRuntime)) && !host.support.cpuRealtime
      ? refuse('kernel does not support CPU real-time scheduler')
      : undefined,
  ({ CpuRealtimePeriod, CpuRealtimeRuntime }) =>
    positive(CpuRealtimePeriod) && positive(CpuRealtimeRuntime) && CpuRealtimeRuntime > CpuRealtimePeriod
      ? refuse('cpu real-time runtime cannot be higher than cpu real-time period')
      : undefined,
  ({ NanoCpus, CpuPeriod }) =>
    positive(NanoCpus) && positive(CpuPeriod)
      ? refuse('Conflicting options: Nano CPUs and CPU Period cannot both be set')
      : undefined,
  ({ NanoCpus, CpuQuota }) =>
    positive(NanoCpus) && positive(CpuQuota)
      ? refuse('Conflicting options: Nano CPUs and CPU Quota cannot both be set')
      : undefined,
  ({ NanoCpus }, { host }) =>
    positive(NanoCpus) && !host.support.cpuQuota
      ? refuse(
          'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
        )
      : undefined,
  ({ NanoCpus }, { host: { cpuCount } }) =>
    (NanoCpus ?? 0) < 0 || (NanoCpus ?? 0) > cpuCount * nanosPerCpu
      ? refuse(`Range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`)
      : undefined,
  ({ CpuShares }) => ((CpuShares ?? 0) < 0 ? refuse('shares: invalid argument') : undefined),
  ({ CpuShares }, { host }) =>
    positive(CpuShares) && !host.support.cpuShares
      ? { warning: `${unsupported('CPU shares')} Shares discarded.`, change: { CpuShares: 0 } }
      : undefined,
  ({ CpuPeriod, CpuQuota }, { host }) =>
    ((CpuPeriod ?? 0) !== 0 || (CpuQuota ?? 0) !== 0) && !host.support.cpuQuota
      ? {
          warning: `${unsupported('CPU CFS scheduler')} CPU period/quota discarded.`,
          change: { CpuPeriod: 0, CpuQuota: 0 },
        }
      : undefined,
  ({ CpuPeriod: period }) =>
    period !== null && period !== undefined && period !== 0 && (period < 1000 || period > 1_000_000)
      ? refuse('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)')
      : undefined,
  ({ CpuQuota }) =>
    positive(CpuQuota) && CpuQuota < 1000 ? refuse('CPU cfs quota can not be less than 1ms (i.e. 1000)') : undefined,
  ({ CpuPercent }) =>
    positive(CpuPercent)
      ? { warning: 'linux does not support CPU percent. Percent discarded.', change: { CpuPercent: 0 } }
      : undefined,
  ({ CpusetCpus, CpusetMems }, { host }) =>
    (named(CpusetCpus) || named(CpusetMems)) && !host.support.cpuset
      ? {
          warning: `${unsupported('cpuset')} Cpuset discarded.`,
          change: { CpusetCpus: '', CpusetMems: '' },
        }
      : undefined,
  ({ CpusetCpus }, { host }) => cpusetVerdict('cpuset cpus', 'CPUs', CpusetCpus, host.support.cpus),
  ({ CpusetMems }, { host }) => cpusetVerdict('cpuset mems', 'memory nodes', CpusetMems, host.support.memoryNodes),
];

function cpusetVerdict(what: string, plural: string, list: string | null | undefined, available: string): Verdict {
  if (!named(list)) return undefined;
  const asked = parseCpuList(list);
  if (asked === undefined) return refuse(`Invalid value ${list} for ${what}: invalid format: ${list}`);
  const offered = parseCpuList(available) ?? new Set();
  return asked.isSubsetOf(offered)
    ? undefined
    : refuse(`Requested ${plural} are not available - requested ${list}, available: ${available}`);
}

type ThrottleKey = 'BlkioDeviceReadBps' | 'BlkioDeviceWriteBps' | 'BlkioDeviceReadIOps' | 'BlkioDeviceWriteIOps';
type ThrottleSupport = 'readBps' | 'writeBps' | 'readIops' | 'writeIops';

const throttleRule =
  (key: ThrottleKey, supported: ThrottleSupport, what: string, discarded: string): Rule =>
  (settings, { host }) =>
    (settings[key] ?? []).length > 0 && !host.support[supported]
      ? { warning: `${unsupported(what)} ${discarded} discarded.`, change: { [key]: [] } }
      : undefined;

const blockIoRules: readonly Rule[] = [
  ({ BlkioWeight }, { host }) =>
    positive(BlkioWeight) && !host.support.blockIoWeight
      ? { warning: `${unsupported('Block I/O weight')} Weight discarded.`, change: { BlkioWeight: 0 } }
      : undefined,
  ({ BlkioWeight }) =>
    positive(BlkioWeight) && (BlkioWeight < 10 || BlkioWeight > 1000)
      ? refuse('Range of blkio weight is from 10 to 1000')
      : undefined,
  ({ IOMaximumBandwidth }) =>
    positive(IOMaximumBandwidth)
      ? refuse('Invalid QoS settings: linux does not support configuration of maximum bandwidth')
      : undefined,
  ({ IOMaximumIOps }) =>
    positive(IOMaximumIOps)
      ? refuse('Invalid QoS settings: linux does not support configuration of maximum IOPs')
      : undefined,
  ({ BlkioWeightDevice }, { host }) =>
    (BlkioWeightDevice ?? []).length > 0 && !host.support.blockIoWeightDevice
      ? {
          warning: `${unsupported('Block I/O weight_device')} Weight-device discarded.`,
          change: { BlkioWeightDevice: [] },
        }
      : undefined,
  throttleRule('BlkioDeviceReadBps', 'readBps', 'BPS Block I/O read limit', 'Block I/O BPS read limit'),
  throttleRule('BlkioDeviceWriteBps', 'writeBps', 'BPS Block I/O write limit', 'Block I/O BPS write limit'),
  throttleRule('BlkioDeviceReadIOps', 'readIops', 'IOPS Block read limit', 'Block I/O IOPS read limit'),
  throttleRule('BlkioDeviceWriteIOps', 'writeIops', 'IOPS Block write limit', 'Block I/O IOPS write limit'),
];

export interface SettledResources<T extends HostSettings> {
  /** As asked, without what this host cannot keep. */
  readonly settings: T;
  /** Docker's texts, for the user. */
  readonly warnings: readonly string[];
}

/**
 * Holds cgroup limits against what can be right and what this host can keep: the first that cannot be right is `invalid`, in
 * Docker's words; one that the kernel does not know is discarded with a warning. For a create, and with `isUpdate` for what an
 * update names.
 */
export function settleResources<T extends HostSettings>(
  asked: T,
  host: HostFacts,
  isUpdate = false,
): SettledResources<T> {
  let settings = asked;
  const warnings: string[] = [];
  for (const rule of [...memoryRules, ...cpuRules, ...blockIoRules]) {
    const verdict = rule(settings, { host, isUpdate });
    if (verdict === undefined) continue;
    if ('refusal' in verdict) throw new GantryError('invalid', verdict.refusal);
    if (verdict.warning !== undefined) warnings.push(verdict.warning);
    settings = { ...settings, ...verdict.change };
  }
  return { settings, warnings };
}
