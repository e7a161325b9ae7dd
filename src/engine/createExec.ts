import { randomBytes } from 'node:crypto';

import type { ExecCreateRequest } from '../api/index.ts';
import { GantryError, parseDetachKeys } from '../base/index.ts';
import { isAlive, newId } from '../containers/index.ts';

import { announce, execAction } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/** POST /containers/{id}/exec: notes what shall be run; it runs with `startExec`. */
export async function createExec(
  parts: Pick<EngineParts, 'containers' | 'execs' | 'journal'>,
  ref: string,
  request: ExecCreateRequest,
): Promise<{ Id: string }> {
  const record = parts.containers.find(ref);
  refuseState(record.id, record.state.status, isAlive(record.state), ref);
  const command = request.Cmd ?? [];
  if (command.length === 0) throw new GantryError('invalid', 'No exec command specified');
  parseDetachKeys(request.DetachKeys || undefined, 'escape keys');
  const id = newId(randomBytes);
  parts.execs.add({
    id,
    containerId: record.id,
    request,
    state: 'created',
    exitCode: null,
    process: undefined,
  });
  announce(parts, record, execAction('exec_create', command), { execID: id });
  return { Id: id };
}

/** Docker's answers for a container in which nothing can be run now; `name` is what the client calls it. */
export function refuseState(id: string, status: string, alive: boolean, name = id): void {
  if (status === 'paused') {
    throw new GantryError('conflict', `Container ${name} is paused, unpause the container before exec`);
  }
  if (status === 'restarting') {
    throw new GantryError('conflict', `container ${id} is restarting, wait until the container is running`);
  }
  if (!alive) {
    throw new GantryError('conflict', `container ${id} is not running`, {
      hint: `Start it with \`gantry start ${id.slice(0, 12)}\`.`,
    });
  }
}
