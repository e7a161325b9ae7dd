import type { OutputHub } from '../base/index.ts';
import type { OomWatch } from '../linux/index.ts';
import type { RuntimeProcess } from '../runtime/index.ts';

import type { LateSession } from './lateSession.ts';

/** A running container's process and its streams. */
export interface LiveContainer {
  readonly process: RuntimeProcess;
  readonly hub: OutputHub;
  /** Present when its memory is limited. */
  readonly oom: OomWatch | undefined;
  /** Resolves when its end has been recorded and what it held has been given back. Never rejects. */
  readonly settled: Promise<void>;
}

/** The containers that run now, and the clients that wait for one to start. Nothing here is durable. */
export class LiveContainers {
  readonly #live = new Map<string, LiveContainer>();
  readonly #early = new Map<string, Set<LateSession>>();
  readonly #removals = new Map<string, number>();
  readonly #restarts = new Map<string, { readonly timer: NodeJS.Timeout; readonly delayMs: number }>();

  get(id: string): LiveContainer | undefined {
    return this.#live.get(id);
  }

  /** Takes a started container in and connects the clients that attached before. */
  add(id: string, container: LiveContainer): void {
    this.#live.set(id, container);
    for (const session of this.#early.get(id) ?? []) session.bind(container.hub);
    this.#early.delete(id);
  }

  delete(id: string): void {
    this.#live.delete(id);
  }

  entries(): Iterable<[string, LiveContainer]> {
    return this.#live.entries();
  }

  /** Keeps a client that attached before the start. */
  addEarly(id: string, session: LateSession): void {
    const sessions = this.#early.get(id) ?? new Set();
    this.#early.set(id, sessions.add(session));
  }

  /** The start was refused, or the container is gone: whoever attached early gets the end of output. */
  abandonEarly(id: string): void {
    for (const session of this.#early.get(id) ?? []) session.abandon();
    this.#early.delete(id);
  }

  /** Marks a container that is about to be removed by force: it is not started meanwhile. Undone by what it returns. */
  markRemoval(id: string): () => void {
    this.#removals.set(id, (this.#removals.get(id) ?? 0) + 1);
    return () => {
      const left = (this.#removals.get(id) ?? 0) - 1;
      if (left > 0) this.#removals.set(id, left);
      else this.#removals.delete(id);
    };
  }

  isMarkedForRemoval(id: string): boolean {
    return this.#removals.has(id);
  }

  /** Plans a restart; an earlier plan is dropped. */
  planRestart(id: string, delayMs: number, restart: () => void): void {
    this.cancelRestart(id);
    this.#restarts.set(id, { timer: setTimeout(restart, delayMs), delayMs });
  }

  /** The delay of the restart that was planned last, 0 when none was. */
  restartDelayMs(id: string): number {
    return this.#restarts.get(id)?.delayMs ?? 0;
  }

  cancelRestart(id: string): void {
    clearTimeout(this.#restarts.get(id)?.timer);
    this.#restarts.delete(id);
  }

  cancelAllRestarts(): void {
    for (const id of this.#restarts.keys()) this.cancelRestart(id);
  }
}
