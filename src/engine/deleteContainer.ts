import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import { GantryError, hasCode, messageOf } from '../base/index.ts';
import { dead, removing, type ContainerRecord } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

export type DeleteParts = Pick<
  EngineParts,
  'containers' | 'snapshots' | 'logs' | 'logger' | 'dataPaths' | 'live' | 'execs' | 'health' | 'waiters' | 'journal'
>;

/**
 * Removes a container that does not run and whose lock the caller holds. That it is `removing` is recorded first, then its
 * files go, then its record and with that its name: what a crash interrupts, the next start of the daemon finishes. Where its
 * files cannot be removed it stays, `dead`, with the reason in the daemon's log; that is thrown (`internal`).
 */
export async function deleteContainer(parts: DeleteParts, record: ContainerRecord): Promise<void> {
  const { id } = record;
  parts.live.cancelRestart(id);
  if (record.state.status !== 'removing')
    parts.containers.update(id, (current) => ({ ...current, state: removing(current.state) }));
  parts.logs.forget(id);
  try {
    await removeFiles(parts, id);
  } catch (error) {
    throw recordDeath(parts, record, messageOf(error));
  }
  parts.containers.delete(id);
  parts.live.abandonEarly(id);
  parts.execs.forgetContainer(id);
  parts.health.forget(id);
  announce(parts, record, 'destroy');
  parts.waiters.removed(id, { exitCode: record.state.exitCode, error: '' });
}

/** Both steps are renames, so that they fail or succeed at once, however much there is; the rest is nobody's wait. */
async function removeFiles(
  { snapshots, dataPaths, logger }: Pick<EngineParts, 'snapshots' | 'dataPaths' | 'logger'>,
  id: string,
): Promise<void> {
  await snapshots.remove(id);
  const { dir } = dataPaths.container(id);
  const leaving = `${dir}.removed`;
  try {
    renameSync(dir, leaving);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  void rm(leaving, { recursive: true, force: true }).catch((error: unknown) =>
    logger.warn('files of a removed container are left', { container: id, error: messageOf(error) }),
  );
}

function recordDeath(parts: DeleteParts, { id, state }: ContainerRecord, reason: string): GantryError {
  parts.logger.error('a container is dead: its files cannot be removed', { container: id, error: reason });
  parts.containers.update(id, (current) => ({ ...current, state: dead(current.state, reason) }));
  parts.waiters.removalFailed(id, { exitCode: state.exitCode, error: reason });
  return new GantryError('internal', `container ${id}: failed to remove its files: ${reason}`, {
    hint: 'It is dead now. Remove it again when the reason is gone; the next start of gantryd tries that as well.',
  });
}
