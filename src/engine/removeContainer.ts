import { GantryError } from '../base/index.ts';
import { isAlive, type ContainerRecord } from '../containers/index.ts';

import { deleteContainer } from './deleteContainer.ts';
import { killAndWait } from './stopContainer.ts';
import type { SettleParts } from './settleContainer.ts';

type RemoveParts = SettleParts;

/** DELETE /containers/{id}. A running container is `conflict` unless `force` kills it first. */
export async function removeContainer(
  parts: RemoveParts,
  ref: string,
  options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
): Promise<void> {
  if (options.link) throw new GantryError('notImplemented', 'links are not available: there is no link to remove');
  const { id } = parts.containers.find(ref);
  if (!options.force) return removeLocked(parts, id, ref);
  const unmark = parts.live.markRemoval(id);
  try {
    // A start that was under way may have won the lock: what it started is ended too.
    while (!(await removeByForce(parts, id)));
  } finally {
    unmark();
  }
}

async function removeLocked(parts: RemoveParts, id: string, ref: string): Promise<void> {
  await parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record === undefined) throw new GantryError('notFound', `No such container: ${ref}`);
    refuseRunning(record);
    await deleteContainer(parts, record);
  });
}

/** Ends a container and removes it; false when it runs again. One that is gone already is what was asked for. */
async function removeByForce(parts: RemoveParts, id: string): Promise<boolean> {
  await killAndWait(parts, id);
  return parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record === undefined) return true;
    // Not the state: where recording an end failed, it tells of a process that is gone.
    if (parts.live.get(id) !== undefined) return false;
    await deleteContainer(parts, record);
    return true;
  });
}

function refuseRunning({ name, state }: ContainerRecord): void {
  if (!isAlive(state)) return;
  const [what, next] =
    state.status === 'paused'
      ? ['paused', 'container is paused and must be unpaused first']
      : ['running', 'container is running: stop the container before removing or force remove'];
  throw new GantryError('conflict', `cannot remove container "/${name}": ${next}`, {
    hint:
      what === 'paused'
        ? `Run \`gantry unpause ${name}\` first.`
        : `Stop it with \`gantry stop ${name}\`, or use rm -f.`,
  });
}
