import type { ContainerUpdateRequest, HostConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

import { parseRestartPolicy } from './restartPolicy.ts';

const limitKeys = [
  'BlkioWeight',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
] as const satisfies readonly (keyof HostConfig)[];

export type LimitChanges = Pick<HostConfig, (typeof limitKeys)[number] | 'PidsLimit'>;

/**
 * The limits that an update names: zero, an empty text and an empty list mean "as it is", but for the limit of pids, where
 * null does and zero or less is "no limit".
 */
export function namedLimits(update: ContainerUpdateRequest): LimitChanges {
  const named = limitKeys.filter((key) => isNamed(update[key])).map((key) => [key, update[key]] as const);
  const pids = update.PidsLimit ?? undefined;
  return {
    ...(Object.fromEntries(named) as LimitChanges),
    ...(pids === undefined ? {} : { PidsLimit: Math.max(pids, 0) }),
  };
}

function isNamed(value: ContainerUpdateRequest[(typeof limitKeys)[number]]): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/**
 * The host configuration of a container with an update applied. Throws `conflict`, in Docker's words, where what is named and
 * what is there do not go together.
 */
export function updatedHostConfig(current: HostConfig, update: ContainerUpdateRequest): HostConfig {
  const limits = namedLimits(update);
  refuseCpuConflicts(current, limits);
  refuseMemoryConflicts(current, limits);
  return { ...current, ...limits, ...restartPolicy(current, update) };
}

const positive = (value: number | null | undefined): boolean => (value ?? 0) > 0;

function refuseCpuConflicts(current: HostConfig, limits: LimitChanges): void {
  const conflicts: readonly [boolean, string][] = [
    [
      positive(limits.NanoCpus) && positive(current.CpuPeriod),
      'Nano CPUs cannot be updated as CPU Period has already been set',
    ],
    [
      positive(limits.NanoCpus) && positive(current.CpuQuota),
      'Nano CPUs cannot be updated as CPU Quota has already been set',
    ],
    [
      positive(limits.CpuPeriod) && positive(current.NanoCpus),
      'CPU Period cannot be updated as NanoCPUs has already been set',
    ],
    [
      positive(limits.CpuQuota) && positive(current.NanoCpus),
      'CPU Quota cannot be updated as NanoCPUs has already been set',
    ],
  ];
  const found = conflicts.find(([conflicting]) => conflicting);
  if (found !== undefined) throw new GantryError('conflict', `Conflicting options: ${found[1]}`);
}

/** A container without a limit of swap counts as one whose limit is 0. */
function refuseMemoryConflicts(current: HostConfig, { Memory, MemorySwap }: LimitChanges): void {
  if (!Memory || MemorySwap || Memory <= (current.MemorySwap ?? 0)) return;
  throw new GantryError(
    'conflict',
    'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    { hint: 'Add --memory-swap: memory and swap together, or -1 for swap without a limit.' },
  );
}

function restartPolicy(
  current: HostConfig,
  { RestartPolicy: asked }: ContainerUpdateRequest,
): Pick<HostConfig, 'RestartPolicy'> {
  const { name, maximumRetryCount } = parseRestartPolicy(asked);
  if (!asked?.Name) return {};
  if (current.AutoRemove === true && name !== 'no') {
    throw new GantryError(
      'conflict',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
  }
  return { RestartPolicy: { Name: name, MaximumRetryCount: maximumRetryCount } };
}
