import { all } from './cutWriter.ts';
import type { CutOutput, LogSink } from './types.ts';

/** Gives everything to two sinks; the slower one sets the pace. */
export class TeeSink implements LogSink {
  readonly #sinks: readonly LogSink[];

  constructor(...sinks: readonly LogSink[]) {
    this.#sinks = sinks;
  }

  accept(output: CutOutput): Promise<void> {
    return all(this.#sinks.map((sink) => sink.accept(output)));
  }

  close(): Promise<void> {
    return all(this.#sinks.map((sink) => sink.close()));
  }
}
