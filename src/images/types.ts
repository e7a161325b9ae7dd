import type { Descriptor, Digest, ImageConfig } from '../oci/index.ts';
import type { RecordCollection } from '../store/index.ts';

/** A layer of an image, lowest first in its list. */
export interface ImageLayer {
  /** The blob as it was pulled. */
  readonly digest: Digest;
  /** Size of that blob. */
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** What its snapshot holds on disk, without the layers below. */
  readonly unpackedBytes: number;
}

/** A local image. Its id is the digest of its configuration. Plain JSON. */
export interface ImageRecord {
  readonly id: Digest;
  /** The manifest that it came with; none for an image that was built here. */
  readonly manifest?: Descriptor;
  readonly config: ImageConfig;
  readonly layers: readonly ImageLayer[];
  /** One for each layer; snapshots are committed under these names. */
  readonly chainIds: readonly Digest[];
  /** The image that this one was built or committed on, where it is known. */
  readonly parentId?: Digest;
  /** When it came to be here, RFC 3339. */
  readonly createdAt: string;
  /** Unpacked bytes of all its layers. */
  readonly sizeBytes: number;
  /** When a tag was last put on it, RFC 3339. */
  readonly lastTagTime?: string;
}

/** Which image a name stands for. The key is the canonical reference with a tag, or with a digest. */
export interface ReferenceRecord {
  readonly imageId: Digest;
}

/** What the pure functions of this room look at; maps will do in tests. */
export interface ImageState {
  readonly images: Pick<RecordCollection<ImageRecord>, 'get' | 'values'>;
  readonly references: Pick<RecordCollection<ReferenceRecord>, 'get' | 'entries'>;
}

/** A container as far as it holds on to an image. */
export interface ImageUser {
  readonly containerId: string;
  readonly imageId: string;
  readonly running: boolean;
}

/** Filters as decoded from a query. */
export type ImageFilters = ReadonlyMap<string, ReadonlySet<string>>;
