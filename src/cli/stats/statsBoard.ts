import { containerStats, type Api } from '../../client/index.ts';
import { valuesOf, type StatsEntry, type StatsValues } from './statsRow.ts';

interface Watched {
  readonly container: string;
  readonly stop: AbortController;
  id: string;
  name: string;
  values: StatsValues | undefined;
  failure: unknown;
}

/** The containers whose figures are shown, each with a stream of its own, in the order in which they came. */
export class StatsBoard {
  readonly #api: Api;
  readonly #stream: boolean;
  readonly #watched = new Map<string, Watched>();
  readonly #firsts: Promise<void>[] = [];

  /** Without `stream` each container is asked once. */
  constructor(api: Api, { stream }: { readonly stream: boolean }) {
    this.#api = api;
    this.#stream = stream;
  }

  /** Begins to watch a container; one that is watched already is left as it is. */
  add(container: string): void {
    if (this.#watched.has(container)) return;
    const watched: Watched = {
      container,
      stop: new AbortController(),
      id: '',
      name: '',
      values: undefined,
      failure: undefined,
    };
    this.#watched.set(container, watched);
    const first = Promise.withResolvers<void>();
    this.#firsts.push(first.promise);
    void this.#follow(watched, first.resolve).then(first.resolve);
  }

  /** Forgets a container; an unknown one is no error. */
  remove(container: string): void {
    this.#watched.get(container)?.stop.abort();
    this.#watched.delete(container);
  }

  /** Resolves when each container that has been added has had its first sample, or its failure. */
  async settled(): Promise<void> {
    await Promise.all(this.#firsts.splice(0));
  }

  get entries(): readonly StatsEntry[] {
    return [...this.#watched.values()];
  }

  /** Why containers could not be watched. */
  get failures(): readonly unknown[] {
    return [...this.#watched.values()].map(({ failure }) => failure).filter((failure) => failure !== undefined);
  }

  async #follow(watched: Watched, onSample: () => void): Promise<void> {
    const { container, stop } = watched;
    try {
      for await (const stats of await containerStats(this.#api, container, { stream: this.#stream }, stop.signal)) {
        watched.values = valuesOf(stats);
        watched.id = watched.values.id;
        watched.name = watched.values.name;
        onSample();
      }
    } catch (error) {
      watched.failure = error;
    }
    // A stream that has ended tells no more, of a container that is gone.
    if (this.#stream) watched.values = undefined;
  }
}
