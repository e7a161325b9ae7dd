import { closeSync, constants, openSync } from 'node:fs';

import { GantryError } from '../base/index.ts';
import { isBeyondUse, type ContainerRecord } from '../containers/index.ts';
import type { ArchiveContent } from '../store/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

type Parts = Pick<EngineParts, 'containers' | 'locks' | 'live' | 'snapshots' | 'execPaths' | 'archives' | 'journal'>;

/** An archive that is made while it is read. */
export interface ExportedFiles {
  /**
   * To be read once, to its end or not; throws where the archive could not be made whole. A chunk is valid until the next one
   * is asked for.
   */
  readonly chunks: AsyncIterable<Buffer>;
  close(): void;
}

/**
 * GET /containers/{id}/export: a tar archive of the whole root, without what is mounted in it. The container can be started,
 * stopped and changed meanwhile, however slow the reader; its removal ends the archive with an error.
 */
export async function exportContainer(parts: Parts, ref: string): Promise<ExportedFiles> {
  const { id } = parts.containers.find(ref);
  return await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    refuseGone(record);
    const content = open(parts, id);
    const chunks = content.chunks[Symbol.asyncIterator]();
    try {
      // With the first bytes the root is in hand: from here on the container is anybody's.
      const first = await chunks.next();
      announce(parts, record, 'export');
      return { chunks: whole(parts, record, first, chunks), close: () => content.close() };
    } catch (error) {
      content.close();
      throw error;
    }
  });
}

function refuseGone({ id, state }: ContainerRecord): void {
  if (!isBeyondUse(state)) return;
  const what = state.status === 'dead' ? 'Dead' : 'being removed';
  throw new GantryError('conflict', `You cannot export container ${id} which is ${what}`);
}

/** The mount of one that runs, which has nothing of its namespace; of another one a view that nobody else sees. */
function open({ live, execPaths, snapshots, archives }: Parts, id: string): ArchiveContent {
  if (live.get(id) === undefined) {
    const plan = { root: snapshots.mounts(id), isReadOnly: true, binds: [], place: execPaths.root };
    return archives.export({ kind: 'view', plan });
  }
  const fd = openSync(execPaths.container(id).rootfs, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const content = archives.export({ kind: 'open', fd });
    void content.closed.then(() => closeSync(fd));
    return content;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function* whole(
  { containers }: Parts,
  { id }: ContainerRecord,
  first: IteratorResult<Buffer, unknown>,
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer, void> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) yield step.value;
    const record = containers.get(id);
    // What vanishes while it is read is left out: an archive of a container that is being removed would be a part of it.
    if (record === undefined || isBeyondUse(record.state))
      throw new GantryError('conflict', `container ${id} was removed while it was exported`);
  } finally {
    await rest.return?.();
  }
}
