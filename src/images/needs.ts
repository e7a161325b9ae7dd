import { parseReference } from '../oci/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ImageRecord, ImageState } from './types.ts';

/** Chain ids of all layers of `images`. */
export function chainIdsOf(images: Iterable<ImageRecord>): ReadonlySet<Digest> {
  const needed = new Set<Digest>();
  for (const image of images) for (const chainId of image.chainIds) needed.add(chainId);
  return needed;
}

/** The snapshots that some image needs. Containers hold their own on top of these; see `garbageSnapshots`. */
export function layersStillNeeded(state: ImageState): ReadonlySet<Digest> {
  return chainIdsOf(state.images.values());
}

/** Digests of an image's own blobs: manifest, configuration and layers. */
export function blobsOf(image: ImageRecord): readonly Digest[] {
  const manifest = image.manifest === undefined ? [] : [image.manifest.digest];
  return [...manifest, image.id, ...image.layers.map(({ digest }) => digest)];
}

/** The blobs that some image or repository digest needs. */
export function blobsStillNeeded(state: ImageState): ReadonlySet<Digest> {
  const needed = new Set<Digest>();
  for (const image of state.images.values()) for (const digest of blobsOf(image)) needed.add(digest);
  for (const [key] of state.references.entries()) {
    const { digest } = parseReference(key);
    if (digest !== undefined) needed.add(digest);
  }
  return needed;
}

/**
 * The blobs among `present` that nothing needs. Only safe while no pull is under way, or with the blobs of those under way
 * in `held`.
 */
export function garbageBlobs(
  state: ImageState,
  present: Iterable<{ readonly digest: Digest }>,
  held: ReadonlySet<Digest> = new Set(),
): readonly Digest[] {
  const needed = blobsStillNeeded(state);
  return [...present].map(({ digest }) => digest).filter((digest) => !needed.has(digest) && !held.has(digest));
}

/**
 * The committed snapshots among `present` that no image needs and no other snapshot stands on, children first: remove them
 * in this order. `held` names further ones to keep, such as those of pulls under way; what they stand on is kept too.
 */
export function garbageSnapshots(
  state: ImageState,
  present: Iterable<{
    readonly key: string;
    readonly kind: 'active' | 'committed';
    readonly parent: string | undefined;
  }>,
  held: ReadonlySet<string> = new Set(),
): readonly string[] {
  const snapshots = new Map([...present].map((snapshot) => [snapshot.key, snapshot]));
  const needed: ReadonlySet<string> = layersStillNeeded(state);
  const kept = new Set<string>();
  for (const { key, kind } of snapshots.values()) {
    if (kind === 'committed' && !needed.has(key) && !held.has(key)) continue;
    for (let at = snapshots.get(key); at !== undefined && !kept.has(at.key); at = snapshots.get(at.parent ?? ''))
      kept.add(at.key);
  }
  const depth = (key: string): number => {
    let count = 0;
    const seen = new Set<string>();
    for (let at = snapshots.get(key); at !== undefined && !seen.has(at.key); at = snapshots.get(at.parent ?? '')) {
      seen.add(at.key);
      count++;
    }
    return count;
  };
  const garbage = [...snapshots.keys()].filter((key) => !kept.has(key)).map((key) => ({ key, depth: depth(key) }));
  return garbage.sort((a, b) => b.depth - a.depth).map(({ key }) => key);
}
