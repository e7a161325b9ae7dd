/** What the prune commands share: removing, and telling what went. */
import type { ImageDeleteItem } from '../api/index.ts';
import { humanSize } from '../base/index.ts';
import { pruneContainers, pruneImages, type Filters } from '../client/index.ts';
import type { Context } from './command.ts';
import { ExitError } from './errors.ts';
import { confirm } from './prompt.ts';
import { write } from './world.ts';

export interface Pruned {
  /** What is printed; empty when nothing was removed. */
  readonly text: string;
  readonly spaceBytes: number;
}

export async function removeContainers({ api }: Context, filters: Filters): Promise<Pruned> {
  const { ContainersDeleted, SpaceReclaimed } = await pruneContainers(api, filters);
  const ids = ContainersDeleted ?? [];
  return { text: ids.length === 0 ? '' : `Deleted Containers:\n${ids.join('\n')}\n`, spaceBytes: SpaceReclaimed };
}

function deletedLine(item: ImageDeleteItem): string {
  return item.Untagged ? `untagged: ${item.Untagged}` : `deleted: ${item.Deleted}`;
}

/** Removes images without a name, or with `all` those that no container uses. */
export async function removeImages({ api }: Context, filters: Filters, all: boolean): Promise<Pruned> {
  const wanted = new Map(filters).set('dangling', new Set([all ? 'false' : 'true']));
  const { ImagesDeleted, SpaceReclaimed } = await pruneImages(api, wanted);
  const lines = (ImagesDeleted ?? []).map(deletedLine);
  return { text: lines.length === 0 ? '' : `Deleted Images:\n${lines.join('\n')}\n`, spaceBytes: SpaceReclaimed };
}

/** Asks unless forced; an answer other than yes ends the command, quietly. */
export async function askBefore(context: Context, force: boolean, warning: string): Promise<void> {
  if (force || (await confirm(context.world, warning))) return;
  throw new ExitError(0);
}

/** Prints what went and the space that it gave back. */
export async function report(context: Context, results: readonly Pruned[]): Promise<void> {
  const { stdout } = context.world;
  for (const { text } of results) if (text !== '') await write(stdout, `${text}\n`);
  const spaceBytes = results.reduce((sum, result) => sum + result.spaceBytes, 0);
  await write(stdout, `Total reclaimed space: ${humanSize(spaceBytes)}\n`);
}
