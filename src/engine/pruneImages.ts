import type { ImagesPruned } from '../api/index.ts';
import { garbageBlobs, garbageSnapshots, planPrune } from '../images/index.ts';

import type { EngineParts } from './parts.ts';
import { carryOut, imageStoreLock, imageUsers, removeLayers } from './removeImage.ts';

type Parts = Pick<
  EngineParts,
  'clock' | 'images' | 'snapshots' | 'content' | 'containers' | 'pulls' | 'journal' | 'logger' | 'locks'
>;

/** POST /images/prune: images that nobody uses, and what interrupted pulls have left. */
export async function pruneImages(
  parts: Parts,
  filters: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<ImagesPruned> {
  return parts.locks.run(imageStoreLock, async () => {
    const plan = planPrune(parts.images, filters, { usedBy: imageUsers(parts), nowNs: parts.clock() });
    await carryOut(parts, plan);
    await sweepGarbage(parts);
    parts.journal.publish({
      type: 'image',
      action: 'prune',
      actorId: '',
      attributes: { reclaimed: String(plan.reclaimedBytes) },
    });
    const items = [...plan.items];
    return { ImagesDeleted: items.length === 0 ? null : items, SpaceReclaimed: plan.reclaimedBytes };
  });
}

/** Layers and blobs that belong to no image and to no pull under way. */
async function sweepGarbage(parts: Parts): Promise<void> {
  await removeLayers(
    parts,
    garbageSnapshots(parts.images, parts.snapshots.list()).filter(
      (key) => parts.snapshots.stat(key)?.kind === 'committed',
    ),
  );
  for (const digest of garbageBlobs(parts.images, parts.content.list())) {
    // A pull that begins meanwhile counts on blobs before it knows enough to hold them.
    if (!parts.pulls.isIdle) return;
    if (!parts.pulls.isHeld(digest)) await parts.content.remove(digest);
  }
}
