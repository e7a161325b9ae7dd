import type { ContainerRecord } from '../containers/index.ts';
import { resolveUser, userDatabaseLimitBytes } from '../runtime/index.ts';
import type { ContainerRoot } from '../store/index.ts';

import { withContainerRoot } from './containerRoot.ts';
import { announce } from './containerEvents.ts';
import { whileComing } from './patience.ts';
import { inDockersWords, refuseEmptyPath, type ArchiveParts } from './statArchive.ts';

/** How long a client may send nothing to a container that cannot be started or removed meanwhile. */
const patienceMs = 60_000;

export interface PutArchiveRequest {
  /** A directory of the container. */
  readonly path: string;
  /** A tar archive: plain, gzip or zstd. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** A directory is never replaced by something else, nor the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** What is made belongs to the container's user, where it has one, instead of whom the archive names. */
  readonly copyUidGid: boolean;
}

/** PUT /containers/{id}/archive: unpacks an archive into a directory of a container. Throws `notFound`, `invalid`, `forbidden`. */
export async function putArchive(parts: ArchiveParts, ref: string, request: PutArchiveRequest): Promise<void> {
  const { path } = request;
  refuseEmptyPath(path);
  const unpacked = withContainerRoot(parts, ref, async (root, record) => {
    const owner = request.copyUidGid ? await ownerOf(parts, root, record) : undefined;
    const isRootReadOnly = record.hostConfig.ReadonlyRootfs === true;
    const options = { keepsKinds: request.noOverwriteDirNonDir, owner };
    const chunks = root.kind === 'view' ? whileComing(request.chunks, patienceMs) : request.chunks;
    await parts.archives.unpack(root, { path, chunks, options, isRootReadOnly });
    announce(parts, record, 'extract-to-dir');
  });
  await inDockersWords(ref, path, unpacked);
}

/** The container's user, by the user database in its root; undefined when it has none. */
async function ownerOf(
  { archives }: ArchiveParts,
  root: ContainerRoot,
  { config }: ContainerRecord,
): Promise<{ uid: number; gid: number } | undefined> {
  const user = config.User ?? '';
  if (user === '') return undefined;
  const [passwd, group] = await archives.readTexts(root, ['/etc/passwd', '/etc/group'], userDatabaseLimitBytes);
  const { uid, gid } = resolveUser(user, { passwd, group });
  return { uid, gid };
}
