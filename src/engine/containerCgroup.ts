import { messageOf } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { removeCgroup, watchOom, type OomWatch } from '../linux/index.ts';

import type { EngineParts } from './parts.ts';
import { runtimeOf } from './runtimeOf.ts';

/** The cgroup of a container, from the root of each tree: `/gantry/ID`. */
export function containerCgroup(
  { settings }: Pick<EngineParts, 'settings'>,
  record: Pick<ContainerRecord, 'id'> & Partial<ContainerRecord>,
): string {
  return `${record.hostConfig?.CgroupParent || settings.cgroupParent}/${record.id}`;
}

/**
 * Removes what the runtime has left of a container that does not run. It cleans up after itself when all goes well, but not
 * when it is killed, and not always when it refuses a limit.
 */
export async function clearRuntimeState(
  parts: Pick<EngineParts, 'settings' | 'cgroups' | 'runtimes'>,
  record: ContainerRecord,
): Promise<void> {
  await runtimeOf(parts, record).delete(record.id);
  removeCgroup(parts.cgroups, containerCgroup(parts, record));
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
