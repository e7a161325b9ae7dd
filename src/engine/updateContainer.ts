import type { ContainerUpdateRequest, ContainerUpdateResponse } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import {
  isAlive,
  namedLimits,
  parseRestartPolicy,
  updatedHostConfig,
  type ContainerRecord,
} from '../containers/index.ts';
import { cgroupPids, writeCgroup } from '../linux/index.ts';
import { limitWrites, settleResources } from '../runtime/index.ts';

import { containerCgroup, watchMemory } from './containerCgroup.ts';
import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

export type UpdateParts = Pick<
  EngineParts,
  'containers' | 'locks' | 'live' | 'cgroups' | 'settings' | 'host' | 'journal' | 'logger'
>;

/**
 * POST /containers/{id}/update: changes limits and the restart policy of a container in any state. A running one has them at
 * once, another with its next start. All or nothing: when the kernel refuses a limit, all is as it was.
 */
export async function updateContainer(
  parts: UpdateParts,
  ref: string,
  request: ContainerUpdateRequest,
): Promise<ContainerUpdateResponse> {
  const { id } = parts.containers.find(ref);
  const { settings, warnings } = settleResources(request, parts.host, true);
  parseRestartPolicy(request.RestartPolicy);
  await parts.locks.run(id, () => updateLocked(parts, id, settings));
  return { Warnings: warnings.length === 0 ? null : [...warnings] };
}

async function updateLocked(parts: UpdateParts, id: string, update: ContainerUpdateRequest): Promise<void> {
  const before = parts.containers.find(id);
  try {
    refuseRemoved(parts, before);
    const hostConfig = updatedHostConfig(before.hostConfig, update);
    const takeBack = await changeLimits(parts, before, { named: namedLimits(update), all: hostConfig });
    const after = await recordOrElse(
      () => parts.containers.update(id, (record) => ({ ...record, hostConfig })),
      takeBack,
    );
    watchNewLimit(parts, after);
    announce(parts, after, 'update');
  } catch (error) {
    throw cannotUpdate(id, error);
  }
}

function refuseRemoved({ live }: UpdateParts, { id, state }: ContainerRecord): void {
  if (state.status === 'removing' || state.status === 'dead' || live.isMarkedForRemoval(id)) {
    throw new GantryError('conflict', 'container is marked for removal and cannot be "update"');
  }
}

/** Changes the limits of what runs; a container that has ended, and whose end is not on record yet, needs none. */
async function changeLimits(
  parts: UpdateParts,
  record: ContainerRecord,
  change: Parameters<typeof limitWrites>[2],
): Promise<() => Promise<void>> {
  const path = containerCgroup(parts, record);
  if (!isAlive(record.state) || cgroupPids(parts.cgroups, path).length === 0) return async () => {};
  return await writeCgroup(limitWrites(parts.cgroups, path, change, parts.host));
}

async function recordOrElse<T>(record: () => T, takeBack: () => Promise<void>): Promise<T> {
  try {
    return record();
  } catch (error) {
    await takeBack();
    throw error;
  }
}

/** A container that was started without a limit of memory has nobody who looks out for the kernel's kills. */
function watchNewLimit(parts: UpdateParts, record: ContainerRecord): void {
  const live = parts.live.get(record.id);
  if (live !== undefined) live.oom ??= watchMemory(parts, record);
}

/** Docker's frame around every refusal. */
function cannotUpdate(id: string, error: unknown): unknown {
  if (!(error instanceof GantryError)) return error;
  const { kind, message, hint } = error;
  return new GantryError(kind, `Cannot update container ${id}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
