import { randomInt } from 'node:crypto';

import { hasCode, type Logger, messageOf } from '../base/index.ts';
import { deleteLink, deleteLinkGroup, type NetworkKernel, type RouteSocket, setLinkGroup } from '../linux/index.ts';

/** A sandbox to take apart; parts that are gone are no error. */
export interface Leftover {
  /** Path of the namespace; absent when only a link is left. */
  readonly path?: string;
  readonly hostLink?: string;
  /** Runs when all is gone; never when something stays, so that its address is not given out again. */
  readonly whenGone?: () => void;
}

const maxBatch = 256;
/**
 * How long the first of a batch waits for others. The kernel's work on a link and a namespace that go holds up a container
 * that starts meanwhile, and is about the same for many as for one.
 */
const gatherMs = 250;
/** Above the groups that people number by hand. */
const leastGroup = 0x4000_0000;
const groupEnd = 0x7fff_ffff;

/**
 * Takes sandboxes apart off the caller's path. The kernel waits some 20 ms to remove a link, however many are removed by
 * one request: one batch is under way at a time, and the next takes all that came meanwhile.
 */
export class SandboxRemover {
  readonly #kernel: NetworkKernel;
  readonly #routes: RouteSocket;
  readonly #logger: Logger;
  readonly #waiting: Leftover[] = [];
  #work: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `routes` is a socket that the remover has to itself. */
  constructor(kernel: NetworkKernel, routes: RouteSocket, logger: Logger) {
    this.#kernel = kernel;
    this.#routes = routes;
    this.#logger = logger;
  }

  remove(...leftovers: readonly Leftover[]): void {
    this.#waiting.push(...leftovers);
    if (this.#waiting.length > 0 && this.#work === undefined) this.#timer ??= setTimeout(() => this.#begin(), gatherMs);
  }

  /** Begins at once. Resolves when all that has been given is gone, or has been given up and logged. */
  async settled(): Promise<void> {
    if (this.#timer !== undefined) this.#begin();
    await this.#work;
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      await this.#removeLinks(batch.flatMap(({ hostLink }) => hostLink ?? []));
      for (const leftover of batch) this.#finish(leftover);
    }
    this.#work = undefined;
  }

  async #removeLinks(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const group = randomInt(leastGroup, groupEnd);
    try {
      ignoring('ENODEV', () => this.#routes.apply(...names.map((name) => setLinkGroup(name, group))));
      await this.#routes.applyInBackground(deleteLinkGroup(group));
    } catch (error) {
      // Each link is looked at again below.
      if (!hasCode(error, 'ENODEV')) this.#logger.warn('cannot remove links together', { error: messageOf(error) });
    }
  }

  #finish({ path, hostLink, whenGone }: Leftover): void {
    try {
      if (hostLink !== undefined && this.#routes.findLink(hostLink) !== undefined) {
        ignoring('ENODEV', () => this.#routes.apply(deleteLink(hostLink)));
      }
      if (path !== undefined) this.#kernel.removeNamespace(path);
      whenGone?.();
    } catch (error) {
      this.#logger.error('cannot remove a sandbox', { path, link: hostLink, error: messageOf(error) });
    }
  }
}

function ignoring(code: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!hasCode(error, code)) throw error;
  }
}
