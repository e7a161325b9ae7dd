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
  readonly shmSizeBytes: number;
  readonly cgroupnsMode: 'private' | 'host';
  readonly cgroupVersion: 1 | 2;
}

/** The client's host configuration with every default filled in, as inspect shows it. Throws `invalid` with Docker's texts. */
export function completeHostConfig(own: HostConfig, defaults: HostConfigDefaults): HostConfig {
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
    CgroupnsMode: own.CgroupnsMode || cgroupnsModeOf(own, defaults),
    ShmSize: own.ShmSize || defaults.shmSizeBytes,
    Runtime: own.Runtime || defaults.runtime,
    Memory: own.Memory ?? 0,
    MemorySwap: own.MemorySwap || (own.Memory ? own.Memory * 2 : 0),
    MemorySwappiness: own.MemorySwappiness ?? null,
    OomKillDisable: own.OomKillDisable ?? false,
    // 0 and every negative number say that there is no limit
    PidsLimit: (own.PidsLimit ?? 0) > 0 ? own.PidsLimit : null,
    MaskedPaths: completePaths(own, own.MaskedPaths, defaults.maskedPaths),
    ReadonlyPaths: completePaths(own, own.ReadonlyPaths, defaults.readonlyPaths),
    PortBindings: own.PortBindings ?? {},
  };
}

/** A privileged container of cgroup v1 sees the host's tree; on v2 it has a namespace of its own like others. */
function cgroupnsModeOf(own: HostConfig, defaults: HostConfigDefaults): 'private' | 'host' {
  return own.Privileged === true && defaults.cgroupVersion === 1 ? 'host' : defaults.cgroupnsMode;
}

function networkModeOf(mode: string | null | undefined): string {
  return mode === undefined || mode === null || mode === '' || mode === 'default' ? 'bridge' : mode;
}

function completeLogConfig(own: HostConfig['LogConfig'], defaults: HostConfigDefaults): HostConfig['LogConfig'] {
  const type = own?.Type as string | undefined;
  // The daemon's options are of its own driver.
  if (type && type !== defaults.logDriver) return { Type: own?.Type, Config: own?.Config ?? {} };
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
