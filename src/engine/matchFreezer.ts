import { paused, unpaused, type ContainerRecord } from '../containers/index.ts';
import { isFrozen } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import type { EngineParts } from './parts.ts';

/**
 * Makes the record of a container that runs say whether the kernel has it frozen. The two differ where a crash came between
 * freezing and recording it, or where the runtime did not come to its end.
 */
export function matchFreezer(
  parts: Pick<EngineParts, 'cgroups' | 'settings' | 'containers' | 'logger'>,
  record: ContainerRecord,
): void {
  const frozen = isFrozen(parts.cgroups, containerCgroup(parts, record));
  if (frozen === undefined || frozen === (record.state.status === 'paused')) return;
  parts.logger.warn('a container is not what its record says', { container: record.id, paused: frozen });
  parts.containers.update(record.id, (current) => ({
    ...current,
    state: frozen ? paused(current.state) : unpaused(current.state),
  }));
}
