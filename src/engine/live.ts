import type { OutputHub } from '../base/index.ts';
import type { OomWatch } from '../linux/index.ts';
import type { RuntimeProcess } from '../runtime/index.ts';

import type { LateSession } from './lateSession.ts';

/** A running container's process and its streams. */
export interface LiveContainer {
  readonly process: RuntimeProcess;
  readonly hub: OutputHub;
  /** Present when its memory is limited, by its start or by an update since. */
  oom: OomWatch | undefined;
  /** Resolves when its end has been recorded and what it held has been given back. Never rejects. */
  readonly settled: Promise<void>;
}

/** The containers that run now, and the clients that wait for one to start. Nothing here is durable. */
export class LiveContainers {
  readonly #live = new Map<string, LiveContainer>();
  readonly #early = new Map<string, Set<LateSession>>();
  readonly #removals = new Map<string, { readonly force: boolean }>();
  readonly #restarting = new Map<string, number>();
  readonly #restarts = new Map<string, { readonly timer: NodeJS.Timeout; readonly delayMs: number }>();
  #isStopping = false;
  #held: Promise<void> | undefined;

  /** Whether the daemon stops: what is to be started now is the next one's. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

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

  /** Keeps a client that attached before the start, until it goes. */
  addEarly(id: string, session: LateSession): void {
    const sessions = this.#early.get(id) ?? new Set();
    this.#early.set(id, sessions.add(session));
    session.onClose(() => {
      sessions.delete(session);
      if (sessions.size === 0 && this.#early.get(id) === sessions) this.#early.delete(id);
    });
  }

  /** The start was refused, or the container is gone: whoever attached early gets the end of output. */
  abandonEarly(id: string): void {
    for (const session of this.#early.get(id) ?? []) session.abandon();
    this.#early.delete(id);
  }

  /** Claims a container's removal, which is one client's at a time. Undone by what it returns; undefined: it is claimed. */
  claimRemoval(id: string, claim: { readonly force: boolean }): (() => void) | undefined {
    if (this.#removals.has(id)) return undefined;
    this.#removals.set(id, claim);
    return () => void this.#removals.delete(id);
  }

  /** Whether a container is about to be removed by force, whatever it does: it is not started meanwhile. */
  isMarkedForRemoval(id: string): boolean {
    return this.#removals.get(id)?.force === true;
  }

  /** Marks a container that is stopped to be started again: --rm does not remove it then. Undone by what it returns. */
  markRestart(id: string): () => void {
    return mark(this.#restarting, id);
  }

  isRestarting(id: string): boolean {
    return this.#restarting.has(id);
  }

  /** Plans a restart; an earlier plan is dropped. Once the daemon stops, the next one does it. */
  planRestart(id: string, delayMs: number, restart: () => void): void {
    this.cancelRestart(id);
    if (!this.#isStopping) this.#restarts.set(id, { timer: setTimeout(restart, delayMs), delayMs });
  }

  /** The delay of the restart that was planned last, 0 when none was. */
  restartDelayMs(id: string): number {
    return this.#restarts.get(id)?.delayMs ?? 0;
  }

  /** Restarts that come due wait until what it returns is called: a daemon that starts is not ready for them. */
  holdRestarts(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  /** Resolves when restarts are not held any more. */
  async restartsReleased(): Promise<void> {
    await this.#held;
  }

  cancelRestart(id: string): void {
    clearTimeout(this.#restarts.get(id)?.timer);
    this.#restarts.delete(id);
  }

  /** The daemon stops: restarts that were planned, and those to come, are the next daemon's. */
  stopRestarts(): void {
    this.#isStopping = true;
    for (const id of this.#restarts.keys()) this.cancelRestart(id);
  }
}

/** Counts one more mark for `id`, and gives the function that takes it back. */
function mark(marks: Map<string, number>, id: string): () => void {
  marks.set(id, (marks.get(id) ?? 0) + 1);
  return () => {
    const left = (marks.get(id) ?? 0) - 1;
    if (left > 0) marks.set(id, left);
    else marks.delete(id);
  };
}
