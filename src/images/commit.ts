import type { ImageConfig } from '../oci/index.ts';
import { parseImageConfig } from '../oci/index.ts';

/** What an image is made of besides the one below it. */
export interface CommitInput {
  /** The configuration of the image that the container was made of. */
  readonly parent: ImageConfig;
  /** Digest of the new layer's tar; none where nothing was changed. */
  readonly diffId: ImageConfig['rootfs']['diff_ids'][number] | undefined;
  readonly containerId: string;
  /** How the container was run, and how the image is to be. In Docker's fields. */
  readonly containerConfig: object;
  readonly config: object;
  /** What the container ran, as the history shows it. */
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  /** RFC 3339. */
  readonly created: string;
  readonly engineVersion: string;
}

/** A committed image's configuration: its bytes, whose digest is the image's id, and what they say. Pure. */
export function commitConfig(input: CommitInput): { readonly bytes: Buffer; readonly config: ImageConfig } {
  const bytes = Buffer.from(JSON.stringify(documentOf(input)));
  return { bytes, config: parseImageConfig(bytes) };
}

/** Fields in the order of their names, as Docker writes them; Docker leaves an empty author or comment out. */
function documentOf({ parent, diffId, ...input }: CommitInput): object {
  const { author, comment, created } = input;
  const told = { ...(author === '' ? {} : { author }), ...(comment === '' ? {} : { comment }) };
  const step = {
    created,
    created_by: input.createdBy,
    ...told,
    ...(diffId === undefined ? { empty_layer: true } : {}),
  };
  return {
    architecture: parent.architecture,
    ...(author === '' ? {} : { author }),
    config: input.config,
    container: input.containerId,
    container_config: input.containerConfig,
    created,
    docker_version: input.engineVersion,
    history: [...(parent.history ?? []), step],
    os: parent.os,
    ...(parent['os.version'] === undefined ? {} : { 'os.version': parent['os.version'] }),
    rootfs: { type: 'layers', diff_ids: [...parent.rootfs.diff_ids, ...(diffId === undefined ? [] : [diffId])] },
    ...(parent.variant === undefined ? {} : { variant: parent.variant }),
  };
}
