import { GantryError } from '../base/index.ts';
import type { ImageConfig } from './config.ts';
import {
  array,
  decodeDocument,
  digest,
  integer,
  literal,
  object,
  optional,
  parseJson,
  record,
  string,
} from './decode.ts';
import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** A reference to content by digest and size (OCI image spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** OCI image manifest or Docker manifest of schema 2 (manifest.md). */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** OCI image index or Docker manifest list (image-index.md). */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const;

/** Largest manifest or index that is read (the distribution spec asks registries to take at least this). */
export const manifestLimitBytes = 4 * 1024 * 1024;
const layersMax = 1000;
const manifestsMax = 1000;

/** A manifest or an index, told apart. */
export type ManifestDocument =
  | { readonly kind: 'manifest'; readonly mediaType: string; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly mediaType: string; readonly index: Index };

const platform = object({
  os: string(128),
  architecture: string(128),
  variant: optional(string(128)),
  'os.version': optional(string(128)),
  'os.features': optional(array(string(128), 100)),
});

const annotations = optional(record(string()));

const descriptor = object({
  mediaType: string(255),
  digest,
  size: integer(0),
  urls: optional(array(string(8192), 100)),
  annotations,
  platform: optional(platform),
  artifactType: optional(string(255)),
});

const manifestShape = object({
  schemaVersion: literal(2),
  mediaType: optional(string(255)),
  config: descriptor,
  layers: array(descriptor, layersMax),
  annotations,
});

const indexShape = object({
  schemaVersion: literal(2),
  mediaType: optional(string(255)),
  manifests: array(descriptor, manifestsMax),
  annotations,
});

const manifestTypes: ReadonlySet<string> = new Set([mediaTypes.manifest, mediaTypes.dockerManifest]);
const indexTypes: ReadonlySet<string> = new Set([mediaTypes.index, mediaTypes.dockerManifestList]);
const layerTypes: ReadonlySet<string> = new Set([
  mediaTypes.dockerLayer,
  mediaTypes.layer,
  mediaTypes.layerGzip,
  mediaTypes.layerZstd,
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
]);
const configTypes: ReadonlySet<string> = new Set([mediaTypes.config, mediaTypes.dockerConfig]);

function isManifestType(mediaType: string): boolean {
  return manifestTypes.has(mediaType) || indexTypes.has(mediaType);
}

/** Whether `mediaType` is of a manifest list or an index. */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.has(mediaType);
}

function refused(text: string, hint?: string): GantryError {
  return new GantryError('invalid', `invalid manifest: ${text}`, { hint });
}

/** One document must not be readable in two ways (GHSA-77vh-xpmg-72qh: manifests beside layers or config). */
function checkKeys(document: object): void {
  const has = (key: string): boolean => Object.hasOwn(document, key);
  if (has('manifests') && (has('layers') || has('config')))
    throw refused('it has the fields of an index and of a manifest');
  if (has('fsLayers') || (has('schemaVersion') && 'schemaVersion' in document && document.schemaVersion === 1))
    throw refused(
      'Docker Image manifest version 2, schema 1 is not supported',
      'Ask the author to publish the image as an OCI image or with a manifest of schema 2.',
    );
}

function effectiveType(document: object, declared: string | undefined): string {
  const own = 'mediaType' in document && typeof document.mediaType === 'string' ? document.mediaType : '';
  if (own !== '' && !isManifestType(own)) throw refused(`unsupported media type ${JSON.stringify(own)}`);
  // A header such as text/plain says nothing; one that names another manifest type than the body is an attack or a defect.
  const header = declared !== undefined && isManifestType(declared) ? declared : '';
  if (own !== '' && header !== '' && own !== header)
    throw refused(`media type ${JSON.stringify(own)} inside, but served as ${JSON.stringify(header)}`);
  const type = own || header;
  if (type !== '') return type;
  return 'manifests' in document ? mediaTypes.index : mediaTypes.manifest;
}

/**
 * A manifest or an index from its bytes. `declared` is the media type that its descriptor or Content-Type gives. Throws
 * `invalid`: over 4 MiB, malformed, of another type than declared, or readable as both.
 */
export function parseManifestDocument(bytes: Uint8Array, declared?: string): ManifestDocument {
  const document = parseJson(bytes, 'manifest', manifestLimitBytes);
  if (typeof document !== 'object' || document === null) throw refused('want an object');
  checkKeys(document);
  const mediaType = effectiveType(document, declared);
  return indexTypes.has(mediaType)
    ? { kind: 'index', mediaType, index: decodeDocument(indexShape, document, 'manifest') }
    : { kind: 'manifest', mediaType, manifest: decodeDocument(manifestShape, document, 'manifest') };
}

/** The image manifest in `bytes`; throws `invalid`, also when it is an index. */
export function parseManifest(bytes: Uint8Array, declared?: string): Manifest {
  const document = parseManifestDocument(bytes, declared);
  if (document.kind !== 'manifest') throw refused('want an image manifest, found an index');
  return document.manifest;
}

/** The index in `bytes`; throws `invalid`, also when it is an image manifest. */
export function parseIndex(bytes: Uint8Array, declared?: string): Index {
  const document = parseManifestDocument(bytes, declared);
  if (document.kind !== 'index') throw refused('want an index, found an image manifest');
  return document.index;
}

/** Refuses a manifest whose content is no container image: a chart, an attestation, layers of unknown kinds. */
export function checkImageManifest(manifest: Manifest): void {
  if (!configTypes.has(manifest.config.mediaType))
    throw refused(
      `its configuration has the media type ${JSON.stringify(manifest.config.mediaType)}`,
      'This artifact is not a container image.',
    );
  for (const layer of manifest.layers)
    if (!layerTypes.has(layer.mediaType))
      throw refused(`unsupported layer media type ${JSON.stringify(layer.mediaType)}`);
}

/** Refuses a configuration for another operating system, or without one diff id for every layer of its manifest. */
export function checkImageConfig(manifest: Manifest, config: ImageConfig): void {
  if (config.os !== undefined && config.os !== '' && config.os !== 'linux')
    throw new GantryError(
      'invalid',
      `image operating system ${JSON.stringify(config.os)} cannot be used on this platform`,
    );
  if (manifest.layers.length !== config.rootfs.diff_ids.length)
    throw new GantryError('invalid', "layers from manifest don't match image configuration");
}
