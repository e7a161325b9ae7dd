/** How long nothing is sent after a failure, before it is tried anew. */
const pauseMs = 5000;

/** A receiver that takes nothing, for as long as a sender was willing to wait. */
export class StalledError extends Error {
  constructor(place: string, patienceMs: number) {
    super(`${place} took nothing for ${patienceMs / 1000} seconds`);
    this.name = 'StalledError';
  }
}

/**
 * The times in which a receiver is taken for gone. What comes in one is dropped: a container that ends must not wait as often as
 * it has lines left. The failure that began it was told.
 */
export class Outage {
  #endMs = 0;

  get isOn(): boolean {
    return performance.now() < this.#endMs;
  }

  begin(): void {
    this.#endMs = performance.now() + pauseMs;
  }
}
