import { rm } from 'node:fs/promises';

import { removing, type ContainerRecord } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/** Removes a container that does not run and whose lock the caller holds: first out of sight, then its bytes. */
export async function deleteContainer(
  parts: Pick<
    EngineParts,
    'containers' | 'snapshots' | 'logs' | 'dataPaths' | 'live' | 'execs' | 'waiters' | 'journal'
  >,
  record: ContainerRecord,
): Promise<void> {
  const { id } = record;
  parts.live.cancelRestart(id);
  parts.containers.update(id, (current) => ({ ...current, state: removing(current.state) }));
  await parts.snapshots.remove(id);
  parts.logs.forget(id);
  await rm(parts.dataPaths.container(id).dir, { recursive: true, force: true });
  parts.containers.delete(id);
  parts.live.abandonEarly(id);
  parts.execs.forgetContainer(id);
  announce(parts, record, 'destroy');
  parts.waiters.removed(id, { exitCode: record.state.exitCode, error: '' });
}
