import { GantryError } from '../base/index.ts';

import { blockDeviceAt } from './devices.ts';
import type { OciDeviceRule, OciResources, OciRlimit, OciThrottle } from './ociSpec.ts';
import type { HostFacts, HostSettings } from './specInput.ts';

const cpuPeriodMicros = 100_000;
const nanosPerCpu = 1e9;

/** A number that was given: Docker treats 0 and null as "not set". */
const given = (value: number | null | undefined): number | undefined =>
  value === null || value === undefined || value === 0 ? undefined : value;

/** A limit that is unset when it is negative as well: crun cannot write one to a cgroup v1. */
const positive = (value: number | null | undefined): number | undefined =>
  (value ?? 0) > 0 ? (value ?? 0) : undefined;

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
  if (memory === undefined || !host.support.swap) return undefined;
  // every negative number says that there is no limit; the runtimes know -1 alone
  return Math.max(swap ?? memory * 2, -1);
}

function memoryOf(settings: HostSettings, host: HostFacts): OciResources['memory'] {
  const swappiness = settings.MemorySwappiness;
  return compact({
    limit: given(settings.Memory),
    reservation: given(settings.MemoryReservation),
    swap: swapLimit(settings, host),
    swappiness:
      swappiness === null || swappiness === undefined || swappiness === -1 || !host.support.memorySwappiness
        ? undefined
        : swappiness,
    disableOOMKiller: settings.OomKillDisable === true && host.support.oomKillDisable ? true : undefined,
  });
}

function cpuOf(settings: HostSettings): OciResources['cpu'] {
  const nanoCpus = given(settings.NanoCpus);
  return compact({
    shares: given(settings.CpuShares),
    quota:
      nanoCpus === undefined ? positive(settings.CpuQuota) : Math.trunc((nanoCpus * cpuPeriodMicros) / nanosPerCpu),
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
  const pids = settings.PidsLimit ?? 0;
  return {
    devices,
    ...compact({
      memory: memoryOf(settings, host),
      cpu: cpuOf(settings),
      // crun takes no -1 here: without a limit there is none
      pids: pids > 0 ? { limit: pids } : undefined,
      blockIO: blockIoOf(settings, host),
    }),
  };
}

/** "No limit" of setrlimit(2). */
const unlimited = 2n ** 64n - 1n;

/**
 * Resource limits of the processes (setrlimit(2)). One above what the daemon may give is `invalid`: a limit that is silently
 * lower than asked for fails later and elsewhere.
 */
export function rlimitsOf(settings: HostSettings, host: HostFacts): OciRlimit[] {
  return (settings.Ulimits ?? []).map((ulimit) => {
    refuseUlimit(ulimit, host);
    const { Name = '', Soft = 0, Hard = 0 } = ulimit;
    return { type: `RLIMIT_${Name.toUpperCase()}`, soft: rlimitValue(Soft), hard: rlimitValue(Hard) };
  });
}

/** Docker's -1 is "unlimited". */
function rlimitValue(asked: number): number | bigint {
  return asked < 0 ? unlimited : asked;
}

function refuseUlimit(ulimit: NonNullable<HostSettings['Ulimits']>[number], host: HostFacts): void {
  const { Name = '', Soft = 0, Hard = 0 } = ulimit;
  const most = host.hardLimits[Name.toLowerCase()];
  if (most === undefined) throw new GantryError('invalid', `invalid ulimit type: ${Name}`);
  if (Hard >= 0 && (Soft < 0 || Soft > Hard)) {
    throw new GantryError('invalid', `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  if ((Hard < 0 ? Infinity : Hard) > most && !host.capabilities.includes('CAP_SYS_RESOURCE')) {
    throw new GantryError('invalid', `ulimit ${Name}=${Soft}:${Hard} is above this host's hard limit of ${most}`, {
      hint: 'Raise the hard limit of the daemon itself, or give it CAP_SYS_RESOURCE.',
    });
  }
}

/** Whether the daemon may give a process a lower score than its own (proc_pid_oom_score_adj(5)). */
export function mayLowerOomScore({ capabilities }: HostFacts): boolean {
  return capabilities.includes('CAP_SYS_RESOURCE');
}

/** The oom_score_adj to set, no lower than the daemon may; undefined leaves it as inherited. */
export function oomScoreAdjOf(settings: HostSettings, host: HostFacts): number | undefined {
  const asked = given(settings.OomScoreAdj);
  if (asked === undefined) return host.oomScoreAdj === 0 ? undefined : Math.max(0, host.oomScoreAdj);
  return mayLowerOomScore(host) ? asked : Math.max(asked, host.oomScoreAdj);
}
