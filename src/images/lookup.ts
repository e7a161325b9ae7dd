import { GantryError } from '../base/index.ts';
import { canonical, familiar, hexOf, isDigest, parseReference, withDefaultTag } from '../oci/index.ts';
import type { Digest, Reference } from '../oci/index.ts';
import type { ImageRecord, ImageState } from './types.ts';

const hexId = /^[0-9a-f]{64}$/;
const idPrefix = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/** The key of a reference in the records: its tag, or its digest when it has one. */
export function referenceKey(reference: Reference): string {
  const { registry, repository, digest } = withDefaultTag(reference);
  return canonical(digest === undefined ? withDefaultTag(reference) : { registry, repository, digest });
}

/** All references to `imageId`, in the order in which Docker lists them. */
export function referencesOf(state: ImageState, imageId: Digest): readonly Reference[] {
  const keys = [...state.references.entries()].filter(([, record]) => record.imageId === imageId).map(([key]) => key);
  return keys.sort().map((key) => parseReference(key));
}

/** The references of every image that has some, each list sorted by canonical name. */
export function referencesByImage(state: ImageState): ReadonlyMap<Digest, readonly Reference[]> {
  const keys = new Map<Digest, string[]>();
  for (const [key, { imageId }] of state.references.entries()) {
    const list = keys.get(imageId);
    if (list === undefined) keys.set(imageId, [key]);
    else list.push(key);
  }
  return new Map([...keys].map(([id, list]) => [id, list.toSorted().map((key) => parseReference(key))]));
}

/** The images that say that they were built on `imageId`. */
export function childrenOf(state: ImageState, imageId: Digest): readonly ImageRecord[] {
  return [...state.images.values()].filter(({ parentId }) => parentId === imageId);
}

/** Whether `text` is the beginning of the id, with or without its algorithm. */
export function isIdPrefix(id: Digest, text: string): boolean {
  return id.startsWith(text) || hexOf(id).startsWith(text);
}

/** The first 12 hex digits, as users see ids. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

function notFound(name: string, hint?: string): GantryError {
  return new GantryError('notFound', `No such image: ${name}`, { hint });
}

function byPrefix(state: ImageState, text: string): ImageRecord | 'ambiguous' | undefined {
  const prefix = idPrefix.exec(text)?.[1];
  if (prefix === undefined) return undefined;
  let found: ImageRecord | undefined;
  for (const image of state.images.values()) {
    if (!hexOf(image.id).startsWith(prefix)) continue;
    if (found !== undefined) return 'ambiguous';
    found = image;
  }
  return found;
}

/**
 * The image that `text` means, as Docker decides it: a full id, else a name with tag (`latest` by default) or digest, else a
 * unique beginning of an id. Throws `notFound` (also for an ambiguous prefix) and `invalid` (a malformed name).
 */
export function findImage(state: ImageState, text: string): ImageRecord {
  const fullId = hexId.test(text) ? `sha256:${text}` : text;
  if (isDigest(fullId)) {
    const image = state.images.get(fullId);
    if (image === undefined) throw notFound(fullId);
    return image;
  }
  const reference = parseReference(text);
  const named = state.references.get(referenceKey(reference));
  const image = named === undefined ? undefined : state.images.get(named.imageId);
  if (image !== undefined) return image;
  const found = byPrefix(state, text);
  if (found === undefined) throw notFound(familiar(withDefaultTag(reference)));
  if (found === 'ambiguous')
    throw notFound(familiar(withDefaultTag(reference)), `Several images' ids begin with ${text}: give more digits.`);
  return found;
}
