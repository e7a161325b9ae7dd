import { GantryError } from '../base/index.ts';
import { isAlive, paused, unpaused } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';
import { runtimeOf } from './runtimeOf.ts';

type Parts = Pick<EngineParts, 'containers' | 'locks' | 'runtimes' | 'journal'>;

/** POST /containers/{id}/pause: freezes all processes. */
export async function pauseContainer(parts: Parts, ref: string): Promise<void> {
  const { id } = parts.containers.find(ref);
  await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    if (record.state.status === 'paused') throw new GantryError('conflict', `container ${id} is already paused`);
    if (!isAlive(record.state)) throw new GantryError('conflict', `container ${id} is not running`);
    await runtimeOf(parts, record).pause(id);
    announce(
      parts,
      parts.containers.update(id, (current) => ({ ...current, state: paused(current.state) })),
      'pause',
    );
  });
}

/** POST /containers/{id}/unpause: thaws them. */
export async function unpauseContainer(parts: Parts, ref: string): Promise<void> {
  const { id } = parts.containers.find(ref);
  await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    // Docker answers 500 here; its clients show the text.
    if (record.state.status !== 'paused') throw new GantryError('internal', `Container ${id} is not paused`);
    await runtimeOf(parts, record).resume(id);
    announce(
      parts,
      parts.containers.update(id, (current) => ({ ...current, state: unpaused(current.state) })),
      'unpause',
    );
  });
}
