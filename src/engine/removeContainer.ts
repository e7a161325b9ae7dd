import { formatTime, GantryError } from '../base/index.ts';
import { exited, isAlive, unseenExit, type ContainerRecord } from '../containers/index.ts';

import { deleteContainer } from './deleteContainer.ts';
import { killAndWait } from './stopContainer.ts';
import type { SettleParts } from './settleContainer.ts';

/** DELETE /containers/{id}. A running container is `conflict` unless `force` kills it first. */
export async function removeContainer(
  parts: SettleParts,
  ref: string,
  options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
): Promise<void> {
  if (options.link) throw new GantryError('notImplemented', 'links are not available: there is no link to remove');
  const { id, state } = parts.containers.find(ref);
  const unclaim = state.status === 'removing' ? undefined : parts.live.claimRemoval(id, options);
  if (unclaim === undefined) throw new GantryError('conflict', `removal of container ${ref} is already in progress`);
  try {
    if (!options.force) return await removeStopped(parts, id, ref);
    // A start that was under way may have won the lock: what it started is ended too.
    while (!(await removeByForce(parts, id)));
  } finally {
    unclaim();
  }
}

async function removeStopped(parts: SettleParts, id: string, ref: string): Promise<void> {
  await parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record === undefined) throw new GantryError('notFound', `No such container: ${ref}`);
    refuseRunning(record);
    await deleteContainer(parts, record);
  });
}

/** Ends a container and removes it; false when it runs again. One that is gone already is what was asked for. */
async function removeByForce(parts: SettleParts, id: string): Promise<boolean> {
  await killAndWait(parts, id);
  return parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record === undefined) return true;
    if (parts.live.get(id) !== undefined || record.state.status === 'restarting') return false;
    await deleteContainer(parts, isAlive(record.state) ? recordLateExit(parts, id) : record);
    return true;
  });
}

/** Where a container is out of hand, the record may tell of a process that is gone. */
function recordLateExit(parts: SettleParts, id: string): ContainerRecord {
  const at = formatTime(parts.clock());
  return parts.containers.update(id, (current) => ({ ...current, state: exited(current.state, unseenExit, at) }));
}

function refuseRunning({ name, state }: ContainerRecord): void {
  if (state.status === 'paused') {
    throw new GantryError(
      'conflict',
      `cannot remove container "/${name}": container is paused and must be unpaused first`,
      { hint: `Run \`gantry unpause ${name}\` first.` },
    );
  }
  if (!isAlive(state) && state.status !== 'restarting') return;
  throw new GantryError(
    'conflict',
    `cannot remove container "/${name}": container is ${state.status}: stop the container before removing or force remove`,
    { hint: `Stop it with \`gantry stop ${name}\`, or use rm -f.` },
  );
}
