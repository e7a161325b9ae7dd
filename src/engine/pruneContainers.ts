import type { ContainersPruned } from '../api/index.ts';
import { isKind } from '../base/index.ts';
import { isAlive } from '../containers/index.ts';

import { sizeOf } from './listContainers.ts';
import { pruneMatcher } from './pruneFilters.ts';
import type { EngineParts } from './parts.ts';
import { removeContainer } from './removeContainer.ts';
import type { SettleParts } from './settleContainer.ts';

/** POST /containers/prune: removes every container that does not run. */
export async function pruneContainers(
  parts: SettleParts & Pick<EngineParts, 'images' | 'journal'>,
  filters: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<ContainersPruned> {
  const matches = pruneMatcher(filters, parts.clock);
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const record of parts.containers.all()) {
    if (isAlive(record.state) || record.state.status === 'restarting') continue;
    if (!matches({ labels: record.config.Labels ?? {}, createdAtMs: Date.parse(record.createdAt) })) continue;
    const { writableBytes } = await sizeOf(parts, record).catch(() => ({ writableBytes: 0 }));
    try {
      await removeContainer(parts, record.id, { force: false, volumes: false, link: false });
      removed.push(record.id);
      reclaimedBytes += writableBytes;
    } catch (error) {
      // Started or removed by somebody else meanwhile: not ours to prune.
      if (!isKind(error, 'conflict') && !isKind(error, 'notFound')) throw error;
    }
  }
  parts.journal.publish({
    type: 'container',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(reclaimedBytes) },
  });
  return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimedBytes };
}
