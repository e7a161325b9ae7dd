import type { ImageDeleteItem } from '../api/index.ts';
import { messageOf } from '../base/index.ts';
import { isAlive } from '../containers/index.ts';
import { planRemoval, type ImageUser, type RemovalPlan } from '../images/index.ts';
import type { Digest } from '../oci/index.ts';

import type { EngineParts } from './parts.ts';

type Parts = Pick<
  EngineParts,
  'images' | 'snapshots' | 'content' | 'containers' | 'pulls' | 'journal' | 'logger' | 'locks'
>;

/** Held while layers are taken away, and while a pull marks those that it counts on. */
export const imageStoreLock = 'image store';

/** DELETE /images/{name}: takes a name away, and with the last name the image and the layers that nobody else needs. */
export async function removeImage(
  parts: Parts,
  name: string,
  options: { readonly force: boolean; readonly noPrune: boolean },
): Promise<ImageDeleteItem[]> {
  return parts.locks.run(imageStoreLock, async () => {
    const plan = planRemoval(parts.images, name, { ...options, usedBy: imageUsers(parts) });
    await carryOut(parts, plan);
    return [...plan.items];
  });
}

/** The containers, as far as they hold on to images. */
export function* imageUsers({ containers }: Pick<EngineParts, 'containers'>): Iterable<ImageUser> {
  for (const { id, imageId, state } of containers.all()) {
    yield { containerId: id, imageId, running: isAlive(state) };
  }
}

/** Carries a plan out: records first, so that a crash leaves garbage and never a name without its layers. */
export async function carryOut(parts: Parts, plan: RemovalPlan): Promise<void> {
  const labelsOf = (id: Digest): Readonly<Record<string, string>> =>
    parts.images.images.get(id)?.config.config?.Labels ?? {};
  const events = plan.events.map(({ action, imageId, name }) => ({
    type: 'image' as const,
    action,
    actorId: imageId,
    // Of an image that is gone Docker tells no labels.
    attributes: { ...(action === 'untag' ? labelsOf(imageId) : {}), name },
  }));
  parts.images.apply(plan);
  for (const event of events) parts.journal.publish(event);
  await removeLayers(parts, plan.chainIds);
  for (const digest of plan.blobs) if (!parts.pulls.isHeld(digest)) await parts.content.remove(digest);
}

/** Removes layers, children first, but those that a pull or a container still stands on. */
export async function removeLayers(
  { snapshots, pulls, logger }: Pick<Parts, 'snapshots' | 'pulls' | 'logger'>,
  chainIds: Iterable<string>,
): Promise<void> {
  for (const chainId of chainIds) {
    if (pulls.isHeld(chainId)) continue;
    try {
      await snapshots.remove(chainId);
    } catch (error) {
      logger.debug('a layer stays for now', { layer: chainId, reason: messageOf(error) });
    }
  }
}
