import { formatTime, GantryError } from '../base/index.ts';
import type { Clock } from '../base/index.ts';
import { familiarName, withDefaultTag, withDigest } from '../oci/index.ts';
import type { Digest, Reference } from '../oci/index.ts';
import type { RecordCollection, RecordDatabase } from '../store/index.ts';
import { findImage, referenceKey } from './lookup.ts';
import type { RemovalPlan } from './remove.ts';
import type { ImageRecord, ImageState, ReferenceRecord } from './types.ts';

/** A record as its maker knows it; the times are filled in here. */
export type NewImage = Omit<ImageRecord, 'createdAt' | 'lastTagTime' | 'sizeBytes'>;

/** Under which names an image is added. */
export interface ImageNames {
  /** Gets the tag `latest` when it has none. */
  readonly reference?: Reference;
  /** What a tag resolved to in its registry: the digest of the index or manifest there. */
  readonly repoDigest?: Digest;
}

/** The image records and their names. Every change is one durable transaction. */
export class Images implements ImageState {
  readonly images: RecordCollection<ImageRecord>;
  readonly references: RecordCollection<ReferenceRecord>;
  readonly #records: Pick<RecordDatabase, 'transaction'>;
  readonly #clock: Clock;

  constructor(records: Pick<RecordDatabase, 'collection' | 'transaction'>, clock: Clock) {
    this.images = records.collection<ImageRecord>('images');
    this.references = records.collection<ReferenceRecord>('image_references');
    this.#records = records;
    this.#clock = clock;
  }

  /** See `findImage`. */
  find(text: string): ImageRecord {
    return findImage(this, text);
  }

  /**
   * Records an image that is there whole, or adds names to one that is known. A tag that stood for another image moves;
   * `previous` is that image.
   */
  add(image: NewImage, names: ImageNames = {}): { readonly image: ImageRecord; readonly previous: Digest | undefined } {
    return this.#records.transaction(() => {
      const known = this.images.get(image.id);
      const sizeBytes = image.layers.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
      const createdAt = known?.createdAt ?? formatTime(this.#clock());
      const record = { ...known, ...image, sizeBytes, createdAt };
      this.images.put(record.id, record);
      const previous = this.#name(record.id, names);
      return { image: this.images.get(image.id) ?? record, previous };
    });
  }

  #name(imageId: Digest, { reference, repoDigest }: ImageNames): Digest | undefined {
    if (reference === undefined) return undefined;
    const pinned = repoDigest ?? reference.digest;
    if (pinned !== undefined) this.references.put(referenceKey(withDigest(reference, pinned)), { imageId });
    return reference.digest === undefined ? this.#putTag(imageId, reference) : undefined;
  }

  #putTag(imageId: Digest, reference: Reference): Digest | undefined {
    const key = referenceKey(withDefaultTag(reference));
    const previous = this.references.get(key)?.imageId;
    if (previous === imageId) return previous;
    this.references.put(key, { imageId });
    const image = this.images.get(imageId);
    if (image !== undefined) this.images.put(imageId, { ...image, lastTagTime: formatTime(this.#clock()) });
    return previous;
  }

  /** Puts a tag on an image, taking it from any other. Throws `invalid` for a reference with a digest, `notFound`. */
  tag(imageId: Digest, reference: Reference): void {
    if (reference.digest !== undefined)
      throw new GantryError('invalid', 'refusing to create a tag with a digest reference');
    if (familiarName(reference) === 'sha256')
      throw new GantryError('invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
    if (!this.images.has(imageId)) throw new GantryError('notFound', `No such image: ${imageId}`);
    this.#records.transaction(() => this.#putTag(imageId, reference));
  }

  /** Forgets a name; one that is not there is no error. The image stays. */
  untag(reference: Reference): void {
    this.#records.transaction(() => this.references.delete(referenceKey(reference)));
  }

  /** The image that a name stands for, without looking for ids. */
  get(reference: Reference): ImageRecord | undefined {
    const named = this.references.get(referenceKey(reference));
    return named === undefined ? undefined : this.images.get(named.imageId);
  }

  /** Carries out a plan on the records; snapshots and blobs are the caller's to remove, afterwards. */
  apply(plan: Pick<RemovalPlan, 'references' | 'images'>): void {
    this.#records.transaction(() => {
      for (const key of plan.references) this.references.delete(key);
      for (const id of plan.images) this.images.delete(id);
    });
  }
}

/** Opens the image records; loads all of them. */
export function openImages(options: {
  readonly records: Pick<RecordDatabase, 'collection' | 'transaction'>;
  readonly clock: Clock;
}): Images {
  return new Images(options.records, options.clock);
}
