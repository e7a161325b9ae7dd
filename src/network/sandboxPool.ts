import type { Sandbox } from './types.ts';

export interface SandboxPoolOptions {
  /** How many sandboxes wait with an endpoint, and how many with loopback only. */
  readonly sizes: { readonly connected: number; readonly isolated: number };
  /** Time between the first take and the refill, so that the taker's container starts first. */
  readonly refillDelayMs: number;
  /** Makes one; undefined when there is no room for another now. */
  readonly make: (isolated: boolean) => Promise<Sandbox | undefined>;
  /** Takes apart one that was made too late. */
  readonly discard: (sandbox: Sandbox) => void;
  readonly onError: (error: unknown) => void;
}

/** Sandboxes made ahead of their use. They are filled up one at a time, in the background. */
export class SandboxPool {
  readonly #options: SandboxPoolOptions;
  readonly #connected: Sandbox[] = [];
  readonly #isolated: Sandbox[] = [];
  #timer: NodeJS.Timeout | undefined;
  #filling: Promise<void> | undefined;
  #isOpen = false;

  constructor(options: SandboxPoolOptions) {
    this.#options = options;
  }

  /** Begins to fill up. */
  open(): void {
    this.#isOpen = true;
    this.#refill();
  }

  /** The ready sandbox that was made first; undefined when there is none. */
  take(isolated: boolean): Sandbox | undefined {
    this.#refillLater();
    return (isolated ? this.#isolated : this.#connected).shift();
  }

  /** Resolves when no refill is under way. */
  async settled(): Promise<void> {
    await this.#filling;
  }

  /** Empties the pool; it fills up again when something is taken. */
  drain(): Sandbox[] {
    return [...this.#connected.splice(0), ...this.#isolated.splice(0)];
  }

  /** Stops filling and empties the pool. What is being made is discarded when it is done. */
  async close(): Promise<Sandbox[]> {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    await this.#filling;
    return this.drain();
  }

  #refillLater(): void {
    if (this.#timer !== undefined || !this.#isOpen) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refill();
    }, this.#options.refillDelayMs).unref();
  }

  #refill(): void {
    this.#filling ??= this.#fill()
      .catch(this.#options.onError)
      .finally(() => {
        this.#filling = undefined;
      });
  }

  async #fill(): Promise<void> {
    for (let isolated = this.#missing(); isolated !== undefined; isolated = this.#missing()) {
      const sandbox = await this.#options.make(isolated);
      if (sandbox === undefined) return;
      if (!this.#isOpen) this.#options.discard(sandbox);
      else if (isolated) this.#isolated.push(sandbox);
      else this.#connected.push(sandbox);
    }
  }

  /** The kind to make next: whether it is isolated; undefined when nothing is missing. */
  #missing(): boolean | undefined {
    const { sizes } = this.#options;
    if (!this.#isOpen) return undefined;
    if (this.#connected.length < sizes.connected) return false;
    return this.#isolated.length < sizes.isolated ? true : undefined;
  }
}
