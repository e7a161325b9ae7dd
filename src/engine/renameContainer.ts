import { GantryError } from '../base/index.ts';
import { parseContainerName } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/** POST /containers/{id}/rename. */
export async function renameContainer(
  parts: Pick<EngineParts, 'containers' | 'locks' | 'journal'>,
  ref: string,
  typed: string,
): Promise<void> {
  if (typed === '') throw new GantryError('invalid', 'Neither old nor new names may be empty');
  const { id } = parts.containers.find(ref);
  const name = allocating(() => parseContainerName(typed.startsWith('/') ? typed : `/${typed}`));
  await parts.locks.run(id, async () => {
    const before = parts.containers.find(id);
    if (before.name === name) {
      throw new GantryError('invalid', 'Renaming a container with the same name as its current name');
    }
    const after = allocating(() => parts.containers.update(id, (record) => ({ ...record, name })));
    announce(parts, after, 'rename', { oldName: `/${before.name}` });
  });
}

/** A name that is refused is refused in Docker's words, which say what it was for. */
function allocating<Result>(allocate: () => Result): Result {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    const details = { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) };
    throw new GantryError(error.kind, `Error when allocating new name: ${error.message}`, details);
  }
}
