import type { ArchiveContent, PathStat } from '../store/index.ts';

import { withContainerRoot } from './containerRoot.ts';
import { announce } from './containerEvents.ts';
import { whileTaken } from './patience.ts';
import { inDockersWords, refuseEmptyPath, type ArchiveParts } from './statArchive.ts';

const patienceMs = 10_000;

/** What a client gets of a path: its description, and an archive of it that is made while it is read. */
export interface ContainerArchive {
  readonly stat: PathStat;
  readonly content: ArchiveContent;
}

/** GET /containers/{id}/archive: a tar archive of a file or a tree of a container. The caller reads or closes it. Throws `notFound`. */
export async function getArchive(parts: ArchiveParts, ref: string, path: string): Promise<ContainerArchive> {
  refuseEmptyPath(path);
  const { promise: opened, resolve, reject } = Promise.withResolvers<ContainerArchive>();
  const copied = withContainerRoot(parts, ref, async (root, record) => {
    const archive = await parts.archives.pack(root, path);
    announce(parts, record, 'archive-path');
    // One that does not run cannot be started or removed before the client has all of it.
    resolve(root.kind === 'view' ? patiently(archive) : archive);
    await archive.content.closed;
  });
  copied.catch(reject);
  return await inDockersWords(ref, path, opened);
}

function patiently({ stat, content }: ContainerArchive): ContainerArchive {
  const chunks = whileTaken(content.chunks, patienceMs, () => content.close());
  return { stat, content: { ...content, chunks } };
}
