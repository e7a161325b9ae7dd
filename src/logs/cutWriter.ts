import type { Clock } from '../base/index.ts';
import { type Cut, LineCutter } from './lineCutter.ts';
import type { LogSink, LogStream, LogWriter } from './types.ts';

const ready = Promise.resolve();

/** A writer that cuts a container's output into entries, stamps them and gives them to a sink. */
export class CutWriter implements LogWriter {
  readonly #cutter = new LineCutter();
  readonly #sink: LogSink;
  readonly #clock: Clock;

  constructor(sink: LogSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  write(stream: LogStream, data: Uint8Array): Promise<void> {
    const cuts = this.#cutter.cut(stream, data);
    return cuts.length === 0 ? ready : this.#pass(stream, cuts);
  }

  async close(): Promise<void> {
    try {
      for (const stream of ['stdout', 'stderr'] as const) {
        const rest = this.#cutter.rest(stream);
        if (rest !== undefined) await this.#pass(stream, [rest]);
      }
    } finally {
      await this.#sink.close();
    }
  }

  /** All are handed over at once; what became of them is told afterwards. */
  async #pass(stream: LogStream, cuts: readonly Cut[]): Promise<void> {
    const timeNs = this.#clock();
    await all(cuts.map((cut) => this.#sink.accept({ stream, timeNs, ...cut })));
  }
}

/** Waits for all of them, also when one fails. */
export async function all(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}
