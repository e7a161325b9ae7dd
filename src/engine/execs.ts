import { GantryError, type OutputHub } from '../base/index.ts';
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
  hub: OutputHub | undefined;
}

/** Ended execs that are still answered for, per container: clients ask for the exit code after the stream has ended. */
const keptEnded = 64;

/** All execs by id. */
export class Execs {
  readonly #byId = new Map<string, ExecInstance>();

  add(exec: ExecInstance): void {
    this.#byId.set(exec.id, exec);
    this.#forgetOldest(exec.containerId);
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

  forgetContainer(containerId: string): void {
    for (const { id } of this.#of(containerId)) this.#byId.delete(id);
  }

  *#of(containerId: string): Iterable<ExecInstance> {
    for (const exec of this.#byId.values()) if (exec.containerId === containerId) yield exec;
  }

  #forgetOldest(containerId: string): void {
    const ended = [...this.#of(containerId)].filter(({ state }) => state === 'ended');
    for (const { id } of ended.slice(0, Math.max(0, ended.length - keptEnded))) this.#byId.delete(id);
  }
}
