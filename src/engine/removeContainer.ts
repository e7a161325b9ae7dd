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
  if (options.force) await killAndWait(parts, id);
  await parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record === undefined) {
      // Somebody else's removal, or --rm, was faster; the result is what was asked for.
      if (options.force) return;
      throw new GantryError('notFound', `No such container: ${ref}`);
    }
    refuseRunning(record);
    await deleteContainer(parts, record);
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
