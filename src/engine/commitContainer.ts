import type { ContainerConfig } from '../api/index.ts';
import { formatTime, GantryError } from '../base/index.ts';
import { applyChanges } from '../build/index.ts';
import { isBeyondUse, mergeConfig, type ContainerRecord } from '../containers/index.ts';
import { commitConfig, garbageBlobs, type ImageLayer, type ImageRecord } from '../images/index.ts';
import {
  chainIds,
  digestOf,
  familiar,
  parseReference,
  withDefaultTag,
  withTag,
  type Digest,
  type ImageRunConfig,
  type Reference,
} from '../oci/index.ts';
import type { WrittenLayer } from '../store/index.ts';

import { announce } from './containerEvents.ts';
import { madePaths } from './containerChanges.ts';
import type { EngineParts } from './parts.ts';
import { whileHeld, type PauseParts } from './pauseContainer.ts';
import { unpackLayer } from './unpackLayer.ts';

type Parts = PauseParts & Pick<EngineParts, 'clock' | 'content' | 'snapshots' | 'images' | 'pulls'>;

export interface CommitRequest {
  readonly container: string;
  readonly repo: string | undefined;
  readonly tag: string | undefined;
  readonly comment: string;
  readonly author: string;
  /** Freeze the container while its files are read. */
  readonly pause: boolean;
  /** Lines of a Dockerfile that change the configuration. */
  readonly changes: readonly string[];
  /** In place of the container's own; what it leaves out is the container's. */
  readonly config: ContainerConfig | undefined;
}

const layerMediaType = 'application/vnd.oci.image.layer.v1.tar';

/**
 * POST /commit: an image of what a container has changed, on top of the image that it was made of. A container without changes
 * gives an image without a layer of its own. Throws `notFound`, `invalid` (a bad name or change) and `conflict` (a container that
 * is being removed) before anything has changed.
 */
export async function commitContainer(parts: Parts, request: CommitRequest): Promise<{ Id: string }> {
  if (request.container === '') throw new GantryError('invalid', 'invalid container name or ID: value is empty');
  const record = parts.containers.find(request.container);
  const reference = targetOf(request);
  const config = configOf(record, request);
  const parent = parentOf(parts, record);
  const holds = new Holds(parts);
  holds.add([parent.id, ...parent.chainIds, ...parent.layers.map(({ digest }) => digest)]);
  try {
    const layer = await takeLayer(parts, record.id, request.pause, holds);
    const image = await addImage(parts, { record, parent, layer, config, reference, request }, holds);
    announceImage(parts, record, image, reference, request.comment);
    return { Id: image.id };
  } finally {
    await holds.end();
  }
}

/** What nobody's clean-up takes while an image is being made; in the end, what no image has got is taken away. */
class Holds {
  readonly #parts: Pick<Parts, 'pulls' | 'images' | 'content'>;
  readonly #releases: (() => void)[] = [];
  readonly #blobs: Digest[] = [];

  constructor(parts: Pick<Parts, 'pulls' | 'images' | 'content'>) {
    this.#parts = parts;
  }

  add(keys: Iterable<string>): void {
    this.#releases.push(this.#parts.pulls.hold(keys));
  }

  addBlob(digest: Digest): void {
    this.add([digest]);
    this.#blobs.push(digest);
  }

  async end(): Promise<void> {
    const { pulls, images, content } = this.#parts;
    for (const release of this.#releases) release();
    const unused = garbageBlobs(
      images,
      this.#blobs.map((digest) => ({ digest })),
    );
    for (const digest of unused) if (!pulls.isHeld(digest)) await content.remove(digest);
  }
}

function targetOf({ repo, tag }: CommitRequest): Reference | undefined {
  if (repo === undefined) return undefined;
  const parsed = parseReference(repo);
  if (parsed.digest !== undefined) throw new GantryError('invalid', 'cannot commit to digest reference');
  return withDefaultTag(tag === undefined ? parsed : withTag(parsed, tag));
}

function configOf({ config: own }: ContainerRecord, { config, changes }: CommitRequest): ContainerConfig {
  const changed = applyChanges(config ?? own, changes);
  return { ...mergeConfig(changed, runConfigOf(own)), OnBuild: changed.OnBuild };
}

/** A container's configuration as an image has it: the two differ in what may be null. */
function runConfigOf(config: ContainerConfig): ImageRunConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}

function parentOf({ images }: Parts, { imageId }: ContainerRecord): ImageRecord {
  const image = images.images.get(imageId);
  if (image !== undefined) return image;
  throw new GantryError('notFound', `No such image: ${imageId}`, {
    hint: 'The image that the container was made of has been removed. Export the container instead.',
  });
}

/** Writes the container's changes into the content store. One at a time: nobody removes them meanwhile. */
async function takeLayer(parts: Parts, id: string, pause: boolean, holds: Holds): Promise<WrittenLayer> {
  const { containers, content, snapshots, locks } = parts;
  return await locks.run(id, async () => {
    const { state } = containers.find(id);
    if (isBeyondUse(state)) {
      const what = state.status === 'dead' ? 'Dead' : 'being removed';
      throw new GantryError('conflict', `You cannot commit container ${id} which is ${what}`);
    }
    const take = (): Promise<WrittenLayer> =>
      content.adopt(async (path) => {
        const layer = await snapshots.writeLayer(id, path, madePaths);
        holds.addBlob(layer.digest);
        return layer;
      });
    return pause ? await whileHeld(parts, id, take) : await take();
  });
}

interface NewImageInput {
  readonly record: ContainerRecord;
  readonly parent: ImageRecord;
  readonly layer: WrittenLayer;
  readonly config: ContainerConfig;
  readonly reference: Reference | undefined;
  readonly request: CommitRequest;
}

async function addImage(parts: Parts, input: NewImageInput, holds: Holds): Promise<ImageRecord> {
  const { record, parent, layer, reference, request } = input;
  const { bytes, config } = commitConfig({
    parent: parent.config,
    diffId: layer.isEmpty ? undefined : layer.digest,
    containerId: record.id,
    containerConfig: record.config,
    config: input.config,
    createdBy: (record.config.Cmd ?? []).join(' '),
    author: request.author,
    comment: request.comment,
    created: formatTime(parts.clock()),
    engineVersion: parts.settings.version,
  });
  const chain = chainIds(config.rootfs.diff_ids);
  holds.add(chain);
  holds.addBlob(digestOf(bytes));
  const layers = layer.isEmpty ? parent.layers : [...parent.layers, await unpacked(parts, parent, chain.at(-1), layer)];
  const id = await parts.content.put(bytes);
  const image = { id, config, layers, chainIds: chain, parentId: parent.id };
  return parts.images.add(image, reference === undefined ? {} : { reference }).image;
}

/** Unpacks the layer that was written, so that it is what everybody gets who pulls it. */
async function unpacked(
  parts: Parts,
  parent: ImageRecord,
  chainId: string | undefined,
  { digest, sizeBytes }: WrittenLayer,
): Promise<ImageLayer> {
  if (chainId === undefined) throw new GantryError('internal', `the layer ${digest} has no chain id`);
  const source = { path: parts.content.pathOf(digest), mediaType: layerMediaType, diffId: digest };
  await unpackLayer(parts, chainId, parent.chainIds.at(-1), source);
  const { sizeBytes: unpackedBytes } = await parts.snapshots.usage(chainId);
  return { digest, sizeBytes, mediaType: layerMediaType, diffId: digest, unpackedBytes };
}

function announceImage(
  parts: Parts,
  record: ContainerRecord,
  image: ImageRecord,
  reference: Reference | undefined,
  comment: string,
): void {
  const imageRef = reference === undefined ? '' : familiar(reference);
  if (reference !== undefined) {
    const attributes = { ...image.config.config?.Labels, name: imageRef };
    parts.journal.publish({ type: 'image', action: 'tag', actorId: image.id, attributes });
  }
  announce(parts, record, 'commit', { comment, imageID: image.id, imageRef });
}
