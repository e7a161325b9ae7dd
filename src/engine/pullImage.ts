import { createHash } from 'node:crypto';

import type { AuthConfig, ProgressMessage } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { createPullProgress, type ImageLayer, type PullProgress } from '../images/index.ts';
import {
  canonical,
  chainIds,
  checkImageManifest,
  checkImageConfig,
  chooseManifest,
  familiarName,
  familiar,
  hostPlatform,
  isIndexType,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parsePlatform,
  parseReference,
  withDefaultTag,
  withTagOrDigest,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Manifest,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import type { RequestOptions } from '../registry/index.ts';

import type { EngineParts } from './parts.ts';
import { imageStoreLock } from './removeImage.ts';
import { unpackLayer } from './unpackLayer.ts';

type Parts = Pick<
  EngineParts,
  'clock' | 'logger' | 'locks' | 'content' | 'snapshots' | 'images' | 'registry' | 'pulls' | 'journal'
>;

export type ProgressReport = (message: ProgressMessage) => void;

export interface PullRequest {
  readonly fromImage: string;
  readonly tag: string | undefined;
  readonly platform: string | undefined;
  readonly auth: AuthConfig | undefined;
}

/** What the registry's answers say that the image is. */
interface Plan {
  /** Of the manifest or index that the tag names: what a repo digest names, too. */
  readonly target: Descriptor;
  readonly manifestDescriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly chain: readonly Digest[];
}

/**
 * POST /images/create?fromImage=: makes an image of a registry's, fetching only what the store lacks. Clients that ask for the
 * same share one pull. A failed or interrupted pull leaves whole blobs, whole layers and resumable parts, nothing else.
 */
export async function pullImage(
  parts: Parts,
  request: PullRequest,
  report: ProgressReport,
  signal: AbortSignal,
): Promise<void> {
  const reference = referenceOf(request);
  const platform = request.platform ? parsePlatform(request.platform) : hostPlatform();
  const key = createHash('sha256')
    .update(JSON.stringify([canonical(reference), platform, request.auth ?? null]))
    .digest('hex');
  await parts.pulls.join(key, report, signal, (tell, shared) =>
    new Pull(parts, reference, platform, request.auth, createPullProgress(tell, reference), shared).run(),
  );
}

function referenceOf({ fromImage, tag }: PullRequest): Reference {
  const reference = parseReference(fromImage);
  if (tag !== undefined && tag !== '') return withTagOrDigest(reference, tag);
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  throw new GantryError('notImplemented', `pulling all tags of ${familiarName(reference)} is not available yet`, {
    hint: `Name one: ${familiar(withDefaultTag(reference))}.`,
  });
}

class Pull {
  readonly #parts: Parts;
  readonly #reference: Reference;
  readonly #platform: Platform;
  readonly #request: RequestOptions;
  readonly #progress: PullProgress;
  readonly #signal: AbortSignal;

  constructor(
    parts: Parts,
    reference: Reference,
    platform: Platform,
    auth: AuthConfig | undefined,
    progress: PullProgress,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#reference = reference;
    this.#platform = platform;
    this.#request = { signal, ...(auth === undefined ? {} : { auth }) };
    this.#progress = progress;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const resolved = await this.#parts.registry.resolve(this.#reference, this.#request);
    this.#progress.begin();
    const plan = await this.#plan(resolved);
    // Under the lock, so that a removal under way is over before this pull looks at what is there.
    const release = await this.#parts.locks.run(imageStoreLock, async () => this.#parts.pulls.hold(keysOf(plan)));
    try {
      await this.#transfer(plan);
      const isNewer = await this.#record(plan);
      this.#progress.end({ digest: plan.target.digest, isNewer });
    } finally {
      release();
    }
  }

  async #plan(resolved: { readonly descriptor: Descriptor; readonly bytes: Buffer }): Promise<Plan> {
    const { descriptor, bytes } = await this.#choose(resolved);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    checkImageManifest(manifest);
    const config = parseImageConfig(await this.#small(manifest.config));
    checkImageConfig(manifest, config);
    const chain = chainIds(config.rootfs.diff_ids);
    return { target: resolved.descriptor, manifestDescriptor: descriptor, manifest, config, chain };
  }

  /** The manifest itself, or the one of an index that is for the platform. */
  async #choose(resolved: {
    readonly descriptor: Descriptor;
    readonly bytes: Buffer;
  }): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer }> {
    await this.#parts.content.put(resolved.bytes);
    const { mediaType } = resolved.descriptor;
    if (!isIndexType(mediaType)) return resolved;
    const descriptor = chooseManifest(parseIndex(resolved.bytes, mediaType), this.#platform);
    const bytes = await this.#parts.registry.fetchManifest(this.#reference, descriptor, this.#request);
    await this.#parts.content.put(bytes);
    return { descriptor, bytes };
  }

  async #small(descriptor: Descriptor): Promise<Buffer> {
    await this.#fetch(descriptor, this.#signal);
    return this.#parts.content.read(descriptor.digest);
  }

  async #fetch(
    descriptor: Descriptor,
    signal: AbortSignal,
    onProgress: (currentBytes: number) => void = () => {},
  ): Promise<void> {
    const { content, registry } = this.#parts;
    if (content.stat(descriptor.digest) !== undefined) return;
    const writer = await content.writer(descriptor);
    if (writer === undefined) return;
    try {
      await registry.fetchBlob(this.#reference, descriptor, writer, { ...this.#request, signal, onProgress });
      await writer.commit();
    } finally {
      await writer.abort();
    }
  }

  /** Layers come in parallel and are unpacked in order, each as soon as its parent is there. The first failure ends them all. */
  async #transfer({ manifest, config, chain }: Plan): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#signal, failed.signal]);
    const layers = manifest.layers.map((descriptor, at) => {
      const chainId = chain[at] ?? '';
      const exists = this.#parts.snapshots.stat(chainId) !== undefined;
      const line = this.#progress.layer(descriptor.digest, { exists });
      if (exists) {
        return { descriptor, chainId, line, exists, arrived: Promise.resolve() };
      }
      if (this.#parts.pulls.isBusy) line.waiting();
      const arrived = this.#parts.pulls.download(async () => {
        signal.throwIfAborted();
        await this.#fetch(descriptor, signal, (currentBytes) => line.downloading(currentBytes, descriptor.size));
        line.downloaded();
      });
      arrived.catch((error: unknown) => failed.abort(error));
      return { descriptor, chainId, line, exists, arrived };
    });
    try {
      for (const [at, layer] of layers.entries()) {
        await layer.arrived;
        if (layer.exists) continue;
        await this.#unpack(layer.chainId, chain[at - 1], layer.descriptor, config.rootfs.diff_ids[at], layer.line);
      }
    } catch (error) {
      failed.abort(error);
      await Promise.allSettled(layers.map(({ arrived }) => arrived));
      throw failed.signal.reason;
    }
  }

  async #unpack(
    chainId: string,
    parent: string | undefined,
    descriptor: Descriptor,
    diffId: Digest | undefined,
    line: ReturnType<PullProgress['layer']>,
  ): Promise<void> {
    const source = {
      path: this.#parts.content.pathOf(descriptor.digest),
      mediaType: descriptor.mediaType,
      diffId: diffId ?? '',
    };
    const onBegin = (): void => line.extracting(0, descriptor.size);
    await unpackLayer(this.#parts, chainId, parent, source, { signal: this.#signal, onBegin });
    line.complete();
  }

  /** Records image and names; tells whether anything is new. */
  async #record(plan: Plan): Promise<boolean> {
    const { images, journal } = this.#parts;
    const before = images.get(this.#reference)?.id;
    images.add(
      {
        id: plan.manifest.config.digest,
        manifest: plan.manifestDescriptor,
        config: plan.config,
        layers: await Promise.all(plan.manifest.layers.map((descriptor, at) => this.#layer(plan, descriptor, at))),
        chainIds: plan.chain,
      },
      { reference: this.#reference, repoDigest: plan.target.digest },
    );
    journal.publish({
      type: 'image',
      action: 'pull',
      actorId: familiar(this.#reference),
      attributes: { ...plan.config.config?.Labels, name: familiarName(this.#reference) },
    });
    return before !== plan.manifest.config.digest;
  }

  async #layer(plan: Plan, descriptor: Descriptor, at: number): Promise<ImageLayer> {
    const { digest, size, mediaType } = descriptor;
    const chainId = plan.chain[at];
    const diffId = plan.config.rootfs.diff_ids[at];
    if (chainId === undefined || diffId === undefined)
      throw new GantryError('internal', `layer ${digest} has no diff id`);
    const { sizeBytes } = await this.#parts.snapshots.usage(chainId);
    return { digest, sizeBytes: size, mediaType, diffId, unpackedBytes: sizeBytes };
  }
}

/** What a pull counts on while it runs. */
function keysOf({ manifest, chain }: Plan): string[] {
  return [manifest.config.digest, ...manifest.layers.map(({ digest }) => digest), ...chain];
}
