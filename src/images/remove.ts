import { GantryError } from '../base/index.ts';
import { canonicalName, familiar, parseReference } from '../oci/index.ts';
import type { Digest, Reference } from '../oci/index.ts';
import { childrenOf, findImage, isIdPrefix, referenceKey, referencesOf, shortId } from './lookup.ts';
import { blobsOf, blobsStillNeeded, chainIdsOf } from './needs.ts';
import type { ImageRecord, ImageState, ImageUser, ReferenceRecord } from './types.ts';

/** One line of what a removal reports, as on the wire. */
export type RemovalItem = { readonly Untagged: string } | { readonly Deleted: string };

/** What a removal does, in order; a value that `Images.apply` carries out on the records. */
export interface RemovalPlan {
  readonly items: readonly RemovalItem[];
  /** Keys of the references to forget. */
  readonly references: readonly string[];
  /** Records to delete. */
  readonly images: readonly Digest[];
  /** Snapshots that nobody needs afterwards, children before parents. */
  readonly chainIds: readonly Digest[];
  /** Blobs that nobody needs afterwards. */
  readonly blobs: readonly Digest[];
  /** Unpacked bytes of those snapshots. */
  readonly reclaimedBytes: number;
  /** Events to announce, in order; `name` is what the event's attributes call the image. */
  readonly events: readonly { readonly action: 'untag' | 'delete'; readonly imageId: Digest; readonly name: string }[];
}

export interface RemovalOptions {
  readonly force: boolean;
  /** Leave untagged parents alone. */
  readonly noPrune: boolean;
  readonly usedBy: Iterable<ImageUser>;
}

/** Which obstacles a deletion minds. Hard ones cannot be forced. */
interface Obstacles {
  readonly references: boolean;
  readonly stoppedContainers: boolean;
}

interface Conflict {
  readonly error: GantryError;
  /** A container is in the way. */
  readonly used: boolean;
}

/** A plan in the making over a copy of the state. */
class Removal {
  readonly items: RemovalItem[] = [];
  readonly references: string[] = [];
  readonly removed: ImageRecord[] = [];
  readonly events: RemovalPlan['events'][number][] = [];
  readonly chainIds: Digest[] = [];
  readonly state: { images: Map<Digest, ImageRecord>; references: Map<string, ReferenceRecord> };
  readonly #users: readonly ImageUser[];
  readonly #original: ImageState;

  constructor(state: ImageState, users: Iterable<ImageUser>) {
    this.#original = state;
    this.state = {
      images: new Map([...state.images.values()].map((image) => [image.id, image])),
      references: new Map(state.references.entries()),
    };
    this.#users = [...users];
  }

  user(id: Digest, running?: boolean): ImageUser | undefined {
    return this.#users.find((user) => user.imageId === id && (running === undefined || user.running === running));
  }

  untag(image: ImageRecord, reference: Reference): void {
    const key = referenceKey(reference);
    const name = familiar(parseReference(key));
    this.state.references.delete(key);
    this.references.push(key);
    this.items.push({ Untagged: name });
    this.events.push({ action: 'untag', imageId: image.id, name: image.id });
  }

  conflict(image: ImageRecord, minds: Obstacles): Conflict | undefined {
    const running = this.user(image.id, true);
    const stopped = this.user(image.id, false);
    if (childrenOf(this.state, image.id).length > 0)
      return deleteConflict(image, 'cannot be forced', 'image has dependent child images', false);
    if (running !== undefined) return deleteConflict(image, 'cannot be forced', usedText('running', running), true);
    if (minds.references && referencesOf(this.state, image.id).length > 0)
      return deleteConflict(image, 'must be forced', 'image is referenced in multiple repositories', false);
    if (minds.stoppedContainers && stopped !== undefined)
      return deleteConflict(image, 'must be forced', usedText('stopped', stopped), true);
    return undefined;
  }

  /** Deletes the image with all its references, then its untagged parents. `quiet`: conflicts may end it silently. */
  delete(
    image: ImageRecord,
    options: { readonly force: boolean; readonly prune: boolean; readonly quiet: boolean },
  ): void {
    const minds = { references: !options.force, stoppedContainers: !options.force };
    const conflict = this.conflict(image, minds);
    if (conflict !== undefined) {
      const dangling = referencesOf(this.state, image.id).length === 0 && childrenOf(this.state, image.id).length === 0;
      if (options.quiet && (!dangling || conflict.used)) return;
      throw conflict.error;
    }
    for (const reference of referencesOf(this.state, image.id)) this.untag(image, reference);
    this.#drop(image);
    const parent = image.parentId === undefined ? undefined : this.state.images.get(image.parentId);
    if (options.prune && parent !== undefined) this.delete(parent, { force: false, prune: true, quiet: true });
  }

  #drop(image: ImageRecord): void {
    this.state.images.delete(image.id);
    this.removed.push(image);
    this.items.push({ Deleted: image.id });
    this.events.push({ action: 'delete', imageId: image.id, name: image.id });
    const stillNeeded = this.#layersInUse();
    for (const chainId of image.chainIds.toReversed()) {
      if (stillNeeded.has(chainId)) break;
      this.chainIds.push(chainId);
      this.items.push({ Deleted: chainId });
    }
  }

  /** A stopped container whose image was forced away keeps the layers under it. */
  #layersInUse(): ReadonlySet<Digest> {
    const held = this.removed.filter((image) => this.user(image.id) !== undefined);
    return chainIdsOf([...this.state.images.values(), ...held]);
  }

  finish(): RemovalPlan {
    const needed = blobsStillNeeded(this.state);
    const candidates = new Set(this.removed.flatMap((image) => blobsOf(image)));
    for (const key of this.references) {
      const { digest } = parseReference(key);
      if (digest !== undefined) candidates.add(digest);
    }
    const sizes = unpackedSizes(this.#original);
    return {
      items: this.items,
      references: this.references,
      images: this.removed.map(({ id }) => id),
      chainIds: this.chainIds,
      blobs: [...candidates].filter((digest) => !needed.has(digest)),
      reclaimedBytes: this.chainIds.reduce((sum, chainId) => sum + (sizes.get(chainId) ?? 0), 0),
      events: this.events,
    };
  }
}

function unpackedSizes(state: ImageState): ReadonlyMap<Digest, number> {
  const sizes = new Map<Digest, number>();
  for (const image of state.images.values())
    for (const [index, chainId] of image.chainIds.entries())
      sizes.set(chainId, image.layers[index]?.unpackedBytes ?? 0);
  return sizes;
}

function usedText(state: 'running' | 'stopped', user: ImageUser): string {
  return `image is being used by ${state} container ${shortId(user.containerId)}`;
}

function deleteConflict(image: ImageRecord, force: string, why: string, used: boolean): Conflict {
  const text = `conflict: unable to delete ${shortId(image.id)} (${force}) - ${why}`;
  return { error: new GantryError('conflict', text), used };
}

/** At most one tag, and every digest reference in its repository: then removing the image by id removes them all. */
function isSingleReference(references: readonly Reference[]): boolean {
  if (references.length <= 1) return true;
  const tags = references.filter(({ digest }) => digest === undefined);
  const digestNames = new Set(references.filter(({ digest }) => digest !== undefined).map(canonicalName));
  const [single = references[0]] = tags;
  return tags.length <= 1 && single !== undefined && digestNames.size === 1 && digestNames.has(canonicalName(single));
}

/** Removes the name that was given, and the digests of its repository with its last tag; false when others are left. */
function untagByName(removal: Removal, image: ImageRecord, text: string, force: boolean): boolean {
  const user = removal.user(image.id);
  if (!force && user !== undefined && isSingleReference(referencesOf(removal.state, image.id))) {
    const who = `container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`;
    throw new GantryError(
      'conflict',
      `conflict: unable to remove repository reference "${text}" (must force) - ${who}`,
    );
  }
  const reference = parseReference(text);
  removal.untag(image, reference);
  const sameName = (other: Reference): boolean => canonicalName(other) === canonicalName(reference);
  const left = referencesOf(removal.state, image.id);
  const tagIsLeft = left.some((other) => other.digest === undefined && sameName(other));
  if (reference.digest === undefined && !tagIsLeft)
    for (const other of left) if (other.digest !== undefined && sameName(other)) removal.untag(image, other);
  return referencesOf(removal.state, image.id).length === 0;
}

function removeInto(removal: Removal, text: string, options: Omit<RemovalOptions, 'usedBy'>): void {
  const image = findImage(removal.state, text);
  const prune = !options.noPrune;
  if (!isIdPrefix(image.id, text)) {
    if (untagByName(removal, image, text, options.force))
      removal.delete(image, { force: options.force, prune, quiet: true });
    return;
  }
  const references = referencesOf(removal.state, image.id);
  if (isSingleReference(references)) {
    const conflict = removal.conflict(image, { references: false, stoppedContainers: !options.force });
    if (conflict !== undefined) throw conflict.error;
    for (const reference of references) removal.untag(image, reference);
  }
  removal.delete(image, { force: options.force, prune, quiet: false });
}

/**
 * What `docker rmi TEXT` does: by name it takes the name away, and the image with its last name; by id the image with all
 * its names. Throws `notFound`, `invalid`, and `conflict` in Docker's words. Pure.
 */
export function planRemoval(state: ImageState, text: string, options: RemovalOptions): RemovalPlan {
  const removal = new Removal(state, options.usedBy);
  removeInto(removal, text, options);
  return removal.finish();
}

/** Several removals as one plan; those that conflict are left out and handed to `onConflict`. Pure. */
export function planRemovals(
  state: ImageState,
  texts: Iterable<string>,
  usedBy: Iterable<ImageUser>,
  onConflict: (text: string, error: GantryError) => void = () => {},
): RemovalPlan {
  const removal = new Removal(state, usedBy);
  for (const text of texts) {
    try {
      removeInto(removal, text, { force: false, noPrune: false });
    } catch (error) {
      // Only a name that is gone by now or an obstacle; the state is untouched then.
      if (!(error instanceof GantryError)) throw error;
      onConflict(text, error);
    }
  }
  return removal.finish();
}
