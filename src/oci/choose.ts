import { GantryError } from '../base/index.ts';
import type { Descriptor, Index } from './manifest.ts';
import { formatPlatform, rankPlatform } from './platform.ts';
import type { Platform } from './platform.ts';

/** The manifest of `index` that suits `wanted` best; of equals the first. Throws `notFound` with Docker's text. */
export function chooseManifest(index: Index, wanted: Platform): Descriptor {
  let best: { readonly descriptor: Descriptor; readonly rank: number } | undefined;
  for (const descriptor of index.manifests) {
    const rank = descriptor.platform === undefined ? undefined : rankPlatform(wanted, descriptor.platform);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { descriptor, rank };
  }
  if (best !== undefined) return best.descriptor;
  const [only, ...others] = index.manifests;
  // An index of one manifest that does not say its platform: the image's configuration will.
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
  throw new GantryError('notFound', `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`, {
    hint: platformsHint(index),
  });
}

function platformsHint(index: Index): string {
  const names = index.manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [formatPlatform(platform)],
  );
  return names.length === 0
    ? 'The image names no platforms.'
    : `The image is there for ${[...new Set(names)].join(', ')}.`;
}
