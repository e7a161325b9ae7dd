import { rm } from 'node:fs/promises';

import { messageOf } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/**
 * Removes a container that does not run and whose lock the caller holds: first its record, and with that its name, then what
 * belonged to it. What a crash or a failure leaves of that has no record, and the next start of the daemon sweeps it up.
 */
export async function deleteContainer(
  parts: Pick<
    EngineParts,
    'containers' | 'snapshots' | 'logs' | 'logger' | 'dataPaths' | 'live' | 'execs' | 'health' | 'waiters' | 'journal'
  >,
  record: ContainerRecord,
): Promise<void> {
  const { id } = record;
  parts.live.cancelRestart(id);
  parts.containers.delete(id);
  parts.logs.forget(id);
  await removeFiles(parts, id);
  parts.live.abandonEarly(id);
  parts.execs.forgetContainer(id);
  parts.health.forget(id);
  announce(parts, record, 'destroy');
  parts.waiters.removed(id, { exitCode: record.state.exitCode, error: '' });
}

async function removeFiles(
  { snapshots, dataPaths, logger }: Pick<EngineParts, 'snapshots' | 'dataPaths' | 'logger'>,
  id: string,
): Promise<void> {
  const failed = (error: unknown): void =>
    logger.warn('the files of a removed container are left', { container: id, error: messageOf(error) });
  await snapshots.remove(id).catch(failed);
  // Logs may be large: nobody waits for them to go.
  void rm(dataPaths.container(id).dir, { recursive: true, force: true }).catch(failed);
}
