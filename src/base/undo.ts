/** Steps that take back what was done, run in reverse order when a longer operation fails half-way. */
export class UndoStack {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** Adds a step; call it right after the deed that the step takes back. */
  push(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Forgets all steps: the operation has succeeded. */
  release(): void {
    this.#steps.length = 0;
  }

  /** Runs all steps, last first. A step that fails is handed to `onError` and does not stop the others. */
  async unwind(onError: (error: unknown) => void): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        onError(error);
      }
    }
  }
}
