import type { HostConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

import { parseRestartPolicy } from './restartPolicy.ts';

/** What the daemon adds to what the client left open. */
export interface HostConfigDefaults {
  readonly runtime: string;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

export const defaultShmSizeBytes = 64 * 1024 * 1024;
const leastMemoryBytes = 6 * 1024 * 1024;

/** The client's host configuration with every default filled in, as inspect shows it. Throws `invalid` with Docker's texts. */
export function completeHostConfig(own: HostConfig, defaults: HostConfigDefaults): HostConfig {
  checkResources(own);
  const policy = parseRestartPolicy(own.RestartPolicy);
  if (own.AutoRemove === true && policy.name !== 'no') {
    throw new GantryError('invalid', `can't create 'AutoRemove' container with restart policy`, {
      hint: 'Choose either --rm or --restart.',
    });
  }
  return {
    ...own,
    RestartPolicy: { Name: policy.name, MaximumRetryCount: policy.maximumRetryCount },
    NetworkMode: networkModeOf(own.NetworkMode),
    LogConfig: completeLogConfig(own.LogConfig, defaults),
    IpcMode: own.IpcMode || 'private',
    CgroupnsMode: own.CgroupnsMode || (own.Privileged === true ? 'host' : 'private'),
    ShmSize: own.ShmSize || defaultShmSizeBytes,
    Runtime: own.Runtime || defaults.runtime,
    Memory: own.Memory ?? 0,
    MemorySwap: own.MemorySwap || (own.Memory ? own.Memory * 2 : 0),
    MemorySwappiness: own.MemorySwappiness === -1 ? null : (own.MemorySwappiness ?? null),
    OomKillDisable: own.OomKillDisable ?? false,
    PidsLimit: own.PidsLimit ? own.PidsLimit : null,
    MaskedPaths: completePaths(own, own.MaskedPaths, defaults.maskedPaths),
    ReadonlyPaths: completePaths(own, own.ReadonlyPaths, defaults.readonlyPaths),
    PortBindings: own.PortBindings ?? {},
  };
}

function networkModeOf(mode: string | null | undefined): string {
  return mode === undefined || mode === null || mode === '' || mode === 'default' ? 'bridge' : mode;
}

function completeLogConfig(own: HostConfig['LogConfig'], defaults: HostConfigDefaults): HostConfig['LogConfig'] {
  const type = own?.Type as string | undefined;
  if (type) return { Type: own?.Type, Config: own?.Config ?? {} };
  return {
    Type: defaults.logDriver as NonNullable<HostConfig['LogConfig']>['Type'],
    Config: { ...defaults.logOptions, ...own?.Config },
  };
}

/** Null means the defaults, unless privileged; an empty list means none. */
function completePaths(
  own: HostConfig,
  paths: readonly string[] | null | undefined,
  defaults: readonly string[],
): string[] | null {
  if (paths) return [...paths];
  const unmasked = own.Privileged === true || (own.SecurityOpt ?? []).includes('systempaths=unconfined');
  return unmasked ? null : [...defaults];
}

function checkResources(own: HostConfig): void {
  const memory = own.Memory ?? 0;
  const swap = own.MemorySwap ?? 0;
  if (memory !== 0 && memory < leastMemoryBytes) throw invalid('Minimum memory limit allowed is 6MB');
  if (memory > 0 && swap > 0 && swap < memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (memory === 0 && swap > 0) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (memory > 0 && (own.MemoryReservation ?? 0) > memory) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  const nanoCpus = own.NanoCpus ?? 0;
  if (nanoCpus > 0 && ((own.CpuPeriod ?? 0) > 0 || (own.CpuQuota ?? 0) > 0)) {
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (nanoCpus < 0) throw invalid('NanoCPUs cannot be negative');
  if ((own.ShmSize ?? 0) < 0) throw invalid('SHM size can not be less than 0');
  const score = own.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) {
    throw invalid(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
}

function invalid(message: string): GantryError {
  return new GantryError('invalid', message);
}
