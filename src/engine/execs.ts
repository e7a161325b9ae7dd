import { GantryError } from '../base/index.ts';
import type { RuntimeProcess } from '../runtime/index.ts';

import type { ExecCreateRequest } from '../api/index.ts';

/** A command to be run, or running, or ended, inside a container. Execs do not outlive the daemon that made them. */
export interface ExecInstance {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest;
  state: 'created' | 'starting' | 'running' | 'ended';
  exitCode: number | null;
  process: RuntimeProcess | undefined;
}

/** Ended execs that are still answered for, per container: clients ask for the exit code after the stream has ended. */
const keptEnded = 64;
/** Execs that were created and never started, per container: more than any client has under way. */
const keptCreated = 1024;

/** All execs by id. */
export class Execs {
  readonly #byId = new Map<string, ExecInstance>();

  add(exec: ExecInstance): void {
    this.#byId.set(exec.id, exec);
    this.#forgetOldest(exec.containerId, 'ended', keptEnded);
    this.#forgetOldest(exec.containerId, 'created', keptCreated);
  }

  /** Throws `notFound` in Docker's words. */
  get(id: string): ExecInstance {
    const exec = this.#byId.get(id);
    if (exec === undefined) throw new GantryError('notFound', `No such exec instance: ${id}`);
    return exec;
  }

  /** Ids of a container's execs that have not ended. */
  activeOf(containerId: string): string[] {
    return [...this.#of(containerId)].filter(({ state }) => state !== 'ended').map(({ id }) => id);
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  forgetContainer(containerId: string): void {
    for (const { id } of this.#of(containerId)) this.#byId.delete(id);
  }

  *#of(containerId: string): Iterable<ExecInstance> {
    for (const exec of this.#byId.values()) if (exec.containerId === containerId) yield exec;
  }

  #forgetOldest(containerId: string, state: ExecInstance['state'], kept: number): void {
    const inState = [...this.#of(containerId)].filter((exec) => exec.state === state);
    for (const { id } of inState.slice(0, Math.max(0, inState.length - kept))) this.#byId.delete(id);
  }
}
