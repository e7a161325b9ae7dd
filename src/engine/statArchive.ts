import { GantryError, isKind } from '../base/index.ts';
import type { PathStat } from '../store/index.ts';

import { withContainerRoot, type RootParts } from './containerRoot.ts';
import type { EngineParts } from './parts.ts';

export type ArchiveParts = RootParts & Pick<EngineParts, 'archives' | 'journal'>;

/** HEAD /containers/{id}/archive: what lies at a path of a container. Throws `notFound`. */
export async function statArchive(parts: ArchiveParts, ref: string, path: string): Promise<PathStat> {
  refuseEmptyPath(path);
  return await inDockersWords(
    ref,
    path,
    withContainerRoot(parts, ref, (root) => parts.archives.stat(root, path)),
  );
}

export function refuseEmptyPath(path: string): void {
  if (path === '') throw new GantryError('invalid', 'bad parameter: path cannot be empty');
}

/** The threads know neither the container's name nor the path as it was typed. */
export async function inDockersWords<T>(ref: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isKind(error, 'notFound') || error.message.startsWith('No such container')) throw error;
    throw new GantryError('notFound', `Could not find the file ${path} in container ${ref}`, { cause: error });
  }
}
