import { posix } from 'node:path';

import { messageOf } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { killCgroup, removeCgroup, watchOom, type OomWatch } from '../linux/index.ts';

import type { EngineParts } from './parts.ts';
import { knownRuntimeOf } from './runtimeOf.ts';

/** The cgroup under which a container has its own. Absolute, and never above the root, whatever was asked for. */
export function cgroupParentOf(
  { settings }: Pick<EngineParts, 'settings'>,
  { CgroupParent }: Pick<ContainerRecord['hostConfig'], 'CgroupParent'>,
): string {
  return posix.join('/', CgroupParent || settings.cgroupParent);
}

/** The cgroup of a container, from the root of each tree: `/gantry/ID`. */
export function containerCgroup(
  parts: Pick<EngineParts, 'settings'>,
  record: Pick<ContainerRecord, 'id'> & Partial<ContainerRecord>,
): string {
  return posix.join(cgroupParentOf(parts, record.hostConfig ?? {}), record.id);
}

/**
 * Removes what the runtime has left of a container that does not run. It cleans up after itself when all goes well, but not
 * when it is killed, and not always when it refuses a limit.
 */
export async function clearRuntimeState(
  parts: Pick<EngineParts, 'settings' | 'cgroups' | 'runtimes'>,
  record: ContainerRecord,
): Promise<void> {
  const cgroup = containerCgroup(parts, record);
  try {
    await knownRuntimeOf(parts, record)?.delete(record.id);
  } finally {
    // Also where the runtime itself does not work, and nobody else ends what it has started.
    killCgroup(parts.cgroups, cgroup);
    removeCgroup(parts.cgroups, cgroup);
  }
}

/** Watches a running container that has a memory limit for the kernel's kills; trouble with that is logged, never thrown. */
export function watchMemory(
  parts: Pick<EngineParts, 'settings' | 'cgroups' | 'logger'>,
  record: ContainerRecord,
): OomWatch | undefined {
  if ((record.hostConfig.Memory ?? 0) <= 0) return undefined;
  try {
    return watchOom(parts.cgroups, containerCgroup(parts, record));
  } catch (error) {
    parts.logger.warn('watching the memory of a container failed', { container: record.id, error: messageOf(error) });
    return undefined;
  }
}
