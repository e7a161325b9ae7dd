import { GantryError } from '../base/index.ts';

import { effectiveCapabilities } from './capabilities.ts';
import { blockDeviceAt } from './devices.ts';
import type { OciDeviceRule, OciResources, OciRlimit, OciThrottle } from './ociSpec.ts';
import type { HostFacts, HostSettings } from './specInput.ts';

const cpuPeriodMicros = 100_000;
const leastMemoryBytes = 6 * 1024 * 1024;
const nanosPerCpu = 1e9;

/** A number that was given: Docker treats 0 and null as "not set". */
const given = (value: number | null | undefined): number | undefined =>
  value === null || value === undefined || value === 0 ? undefined : value;

const text = (value: string | null | undefined): string | undefined =>
  value === null || value === undefined || value === '' ? undefined : value;

/** `value` without the members that are undefined; undefined when none is left. */
function compact<T extends object>(value: T): T | undefined {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}

function swapLimit(settings: HostSettings, host: HostFacts): number | undefined {
  const memory = given(settings.Memory);
  const swap = given(settings.MemorySwap);
  if (memory === undefined || !host.countsSwap) return undefined;
  return swap ?? memory * 2;
}

function memoryOf(settings: HostSettings, host: HostFacts): OciResources['memory'] {
  const swappiness = settings.MemorySwappiness;
  return compact({
    limit: given(settings.Memory),
    reservation: given(settings.MemoryReservation),
    swap: swapLimit(settings, host),
    swappiness:
      swappiness === null || swappiness === undefined || swappiness === -1 || host.cgroupVersion === 2
        ? undefined
        : swappiness,
    disableOOMKiller: settings.OomKillDisable === true && host.cgroupVersion === 1 ? true : undefined,
  });
}

function cpuOf(settings: HostSettings): OciResources['cpu'] {
  const nanoCpus = given(settings.NanoCpus);
  return compact({
    shares: given(settings.CpuShares),
    quota: nanoCpus === undefined ? given(settings.CpuQuota) : Math.round((nanoCpus * cpuPeriodMicros) / nanosPerCpu),
    period: nanoCpus === undefined ? given(settings.CpuPeriod) : cpuPeriodMicros,
    realtimeRuntime: given(settings.CpuRealtimeRuntime),
    realtimePeriod: given(settings.CpuRealtimePeriod),
    cpus: text(settings.CpusetCpus),
    mems: text(settings.CpusetMems),
  });
}

function throttles(settings: HostSettings['BlkioDeviceReadBps'], host: HostFacts): OciThrottle[] | undefined {
  if (settings === null || settings === undefined || settings.length === 0) return undefined;
  return settings.map(({ Path = '', Rate = 0 }) => ({ ...blockDeviceAt(Path, host), rate: Rate }));
}

function blockIoOf(settings: HostSettings, host: HostFacts): OciResources['blockIO'] {
  const weights = settings.BlkioWeightDevice ?? [];
  return compact({
    weight: given(settings.BlkioWeight),
    weightDevice:
      weights.length === 0
        ? undefined
        : weights.map(({ Path = '', Weight = 0 }) => ({ ...blockDeviceAt(Path, host), weight: Weight })),
    throttleReadBpsDevice: throttles(settings.BlkioDeviceReadBps, host),
    throttleWriteBpsDevice: throttles(settings.BlkioDeviceWriteBps, host),
    throttleReadIOPSDevice: throttles(settings.BlkioDeviceReadIOps, host),
    throttleWriteIOPSDevice: throttles(settings.BlkioDeviceWriteIOps, host),
  });
}

/** The cgroup limits that `settings` ask for (config-linux.md, "Control groups"). */
export function resourcesOf(settings: HostSettings, host: HostFacts, devices: readonly OciDeviceRule[]): OciResources {
  const pids = given(settings.PidsLimit);
  return {
    devices,
    ...compact({
      memory: memoryOf(settings, host),
      cpu: cpuOf(settings),
      pids: pids === undefined ? undefined : { limit: Math.max(pids, -1) },
      blockIO: blockIoOf(settings, host),
    }),
  };
}

/**
 * Resource limits of the processes (setrlimit(2)). One above what the daemon may give is `invalid`: a limit that is silently
 * lower than asked for fails later and elsewhere.
 */
export function rlimitsOf(settings: HostSettings, host: HostFacts): OciRlimit[] {
  const mayRaise = host.capabilities.includes('CAP_SYS_RESOURCE');
  return (settings.Ulimits ?? []).map(({ Name = '', Soft = 0, Hard = 0 }) => {
    const most = host.hardLimits[Name];
    const soft = Soft < 0 ? Number.MAX_SAFE_INTEGER : Soft;
    const hard = Hard < 0 ? Number.MAX_SAFE_INTEGER : Hard;
    if (most === undefined) throw new GantryError('invalid', `invalid ulimit type: ${Name}`);
    if (soft > hard) {
      throw new GantryError('invalid', `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
    }
    if (hard > most && !mayRaise) {
      throw new GantryError('invalid', `ulimit ${Name}=${Soft}:${Hard} is above this host's hard limit of ${most}`, {
        hint: 'Raise the hard limit of the daemon itself, or give it CAP_SYS_RESOURCE.',
      });
    }
    return { type: `RLIMIT_${Name.toUpperCase()}`, soft, hard };
  });
}

/** The oom_score_adj to set, no lower than the daemon may; undefined leaves it as inherited. */
export function oomScoreAdjOf(settings: HostSettings, host: HostFacts): number | undefined {
  const asked = given(settings.OomScoreAdj);
  if (asked === undefined) return host.oomScoreAdj === 0 ? undefined : Math.max(0, host.oomScoreAdj);
  if (asked < -1000 || asked > 1000) {
    throw new GantryError('invalid', `Invalid value ${asked}, range for oom score adj is [-1000, 1000]`);
  }
  return host.capabilities.includes('CAP_SYS_RESOURCE') ? asked : Math.max(asked, host.oomScoreAdj);
}

/** A list such as `0-2,7` (cpuset(7), "List format"). */
function cpusetProblem(what: string, list: string | null | undefined): string | undefined {
  const value = text(list);
  return value === undefined || /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)
    ? undefined
    : `Invalid value ${value} for ${what}: invalid format: ${value}`;
}

const refusals: readonly ((settings: HostSettings, host: HostFacts) => string | undefined)[] = [
  ({ Memory }) => {
    const memory = given(Memory);
    return memory !== undefined && memory < leastMemoryBytes ? 'Minimum memory limit allowed is 6MB' : undefined;
  },
  ({ Memory, MemorySwap }) => {
    const [memory, swap] = [given(Memory), given(MemorySwap)];
    if (memory === undefined && swap !== undefined && swap > 0) {
      return 'You should always set the Memory limit when using Memoryswap limit, see usage';
    }
    return memory !== undefined && swap !== undefined && swap > 0 && swap < memory
      ? 'Minimum memoryswap limit should be larger than memory limit, see usage'
      : undefined;
  },
  ({ Memory, MemoryReservation }) => {
    const [memory, reservation] = [given(Memory), given(MemoryReservation)];
    if (reservation !== undefined && reservation < leastMemoryBytes) {
      return 'Minimum memory reservation allowed is 6MB';
    }
    return memory !== undefined && reservation !== undefined && memory < reservation
      ? 'Minimum memory limit can not be less than memory reservation limit, see usage'
      : undefined;
  },
  ({ MemorySwappiness: swappiness }) =>
    swappiness !== null && swappiness !== undefined && (swappiness < -1 || swappiness > 100)
      ? `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`
      : undefined,
  ({ NanoCpus, CpuPeriod, CpuQuota }) => {
    if (given(NanoCpus) === undefined) return undefined;
    if (given(CpuPeriod) !== undefined) return 'Conflicting options: Nano CPUs and CPU Period cannot both be set.';
    return given(CpuQuota) === undefined
      ? undefined
      : 'Conflicting options: Nano CPUs and CPU Quota cannot both be set.';
  },
  ({ NanoCpus }, { cpuCount }) => {
    const nanoCpus = given(NanoCpus);
    return nanoCpus !== undefined && (nanoCpus < 0 || nanoCpus > cpuCount * nanosPerCpu)
      ? `Range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`
      : undefined;
  },
  ({ CpuPeriod }) => {
    const period = given(CpuPeriod);
    return period !== undefined && (period < 1000 || period > 1_000_000)
      ? 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'
      : undefined;
  },
  ({ CpuQuota }) => {
    const quota = given(CpuQuota);
    return quota !== undefined && quota > 0 && quota < 1000
      ? 'CPU cfs quota can not be less than 1ms (i.e. 1000)'
      : undefined;
  },
  ({ BlkioWeight }) => {
    const weight = given(BlkioWeight);
    return weight !== undefined && (weight < 10 || weight > 1000)
      ? 'Range of blkio weight is from 10 to 1000'
      : undefined;
  },
  ({ CpusetCpus }) => cpusetProblem('cpuset cpus', CpusetCpus),
  ({ CpusetMems }) => cpusetProblem('cpuset mems', CpusetMems),
  ({ Tmpfs }) => {
    const relative = Object.keys(Tmpfs ?? {}).find((path) => !path.startsWith('/'));
    return relative === undefined ? undefined : `invalid mount path: '${relative}' mount path must be absolute`;
  },
  ({ ShmSize }) => ((ShmSize ?? 0) < 0 ? 'SHM size can not be less than 0' : undefined),
];

/** Refuses limits that cannot be right (`invalid`, in Docker's words), and tells what the host will not honour, as warnings. */
export function checkSettings(settings: HostSettings, host: HostFacts): string[] {
  for (const refusal of refusals) {
    const message = refusal(settings, host);
    if (message !== undefined) throw new GantryError('invalid', message);
  }
  effectiveCapabilities(settings, host.capabilities);
  rlimitsOf(settings, host);
  oomScoreAdjOf(settings, host);
  const warnings: string[] = [];
  if (given(settings.Memory) !== undefined && !host.countsSwap && given(settings.MemorySwap) !== undefined) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
  }
  if (settings.OomKillDisable === true && host.cgroupVersion === 2) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  }
  if (settings.OomKillDisable === true && given(settings.Memory) === undefined) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
  return warnings;
}
