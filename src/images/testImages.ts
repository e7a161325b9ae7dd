import { canonical, chainIds, digestOf, mediaTypes, parseReference } from '../oci/index.ts';
import type { Digest, ImageConfig } from '../oci/index.ts';
import type { RecordCollection, RecordDatabase } from '../store/index.ts';
import { referenceKey } from './lookup.ts';
import type { ImageRecord, ImageState, ReferenceRecord } from './types.ts';

export interface ImageSketch {
  /** Names of its layers, lowest first; equal names are equal layers. One layer holds 100 bytes. */
  readonly layers?: readonly string[];
  readonly tags?: readonly string[];
  readonly parent?: string;
  readonly created?: string;
  readonly config?: ImageConfig['config'];
  readonly history?: ImageConfig['history'];
}

export function idOf(name: string): Digest {
  return digestOf(`image ${name}`);
}

export function layerOf(name: string): Digest {
  return digestOf(`layer ${name}`);
}

export function imageOf(name: string, sketch: ImageSketch = {}): ImageRecord {
  const names = sketch.layers ?? [name];
  const diffIds = names.map((layer) => digestOf(`diff ${layer}`));
  return {
    id: idOf(name),
    manifest: { mediaType: mediaTypes.manifest, digest: digestOf(`manifest ${name}`), size: 1 },
    config: {
      architecture: 'amd64',
      os: 'linux',
      created: sketch.created ?? '2024-01-01T00:00:00Z',
      rootfs: { type: 'layers', diff_ids: diffIds },
      ...(sketch.config !== undefined && { config: sketch.config }),
      ...(sketch.history !== undefined && { history: sketch.history }),
    },
    layers: names.map((layer, index) => ({
      digest: layerOf(layer),
      sizeBytes: 50,
      mediaType: mediaTypes.layerGzip,
      diffId: diffIds[index] ?? digestOf(''),
      unpackedBytes: 100,
    })),
    chainIds: chainIds(diffIds),
    createdAt: '2025-01-01T00:00:00Z',
    sizeBytes: names.length * 100,
    ...(sketch.parent !== undefined && { parentId: idOf(sketch.parent) }),
  };
}

/** A state of the sketched images; a tag may be a reference by digest. */
export function stateOf(sketches: Readonly<Record<string, ImageSketch>>): ImageState {
  const images = new Map<string, ImageRecord>();
  const references = new Map<string, ReferenceRecord>();
  for (const [name, sketch] of Object.entries(sketches)) {
    const image = imageOf(name, sketch);
    images.set(image.id, image);
    for (const tag of sketch.tags ?? []) references.set(referenceKey(parseReference(tag)), { imageId: image.id });
  }
  return { images, references };
}

/** Records in memory; a transaction that throws leaves them as they were. */
export function memoryRecords(): Pick<RecordDatabase, 'collection' | 'transaction'> {
  const collections: Map<string, unknown>[] = [];
  return {
    collection<T>(): RecordCollection<T> {
      const map = new Map<string, T>();
      collections.push(map);
      const put = (key: string, value: T): void => void map.set(key, value);
      return Object.assign(map, { put, putLater: put, deleteLater: (key: string): void => void map.delete(key) });
    },
    transaction<T>(work: () => T): T {
      const before = collections.map((map) => [...map]);
      try {
        return work();
      } catch (error) {
        for (const [index, map] of collections.entries()) {
          map.clear();
          for (const [key, value] of before[index] ?? []) map.set(key, value);
        }
        throw error;
      }
    },
  };
}

/** Canonical text of a name. */
export function full(name: string): string {
  return canonical(parseReference(name));
}
