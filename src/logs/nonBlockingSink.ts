import { linesOf } from './lineCutter.ts';
import type { CutOutput, LogSink } from './types.ts';

const ready = Promise.resolve();

/**
 * mode=non-blocking: the container never waits for what is behind. Output waits in a buffer of at most `bufferBytes` of text;
 * what does not fit is dropped a line at a time, the newest first, so that what is kept has no gap before its end.
 */
export class NonBlockingSink implements LogSink {
  readonly #sink: LogSink;
  readonly #bufferBytes: number;
  readonly #onError: (error: unknown) => void;
  #queue: CutOutput[] = [];
  #queuedBytes = 0;
  #pumping: Promise<void> | undefined;

  constructor(sink: LogSink, bufferBytes: number, onError: (error: unknown) => void) {
    this.#sink = sink;
    this.#bufferBytes = bufferBytes;
    this.#onError = onError;
  }

  accept(output: CutOutput): Promise<void> {
    const data = this.#fitting(output);
    if (data.length > 0) {
      // A copy: it is part of a larger buffer, which would be kept with it.
      this.#queue.push({ ...output, data: Buffer.from(data) });
      this.#queuedBytes += data.length;
      this.#pumping ??= this.#pump();
    }
    return ready;
  }

  async close(): Promise<void> {
    await this.#pumping;
    await this.#sink.close();
  }

  /** The leading lines for which there is room; one that is longer than the buffer still goes into an empty one. */
  #fitting({ data, isPartial }: CutOutput): Buffer {
    const room = this.#bufferBytes - this.#queuedBytes;
    if (data.length <= room) return data;
    if (isPartial) return this.#queue.length === 0 ? data : data.subarray(0, 0);
    let end = 0;
    for (const line of linesOf(data)) {
      if (end + line.length + 1 > room && (end > 0 || this.#queue.length > 0)) break;
      end += line.length + 1;
    }
    return data.subarray(0, end);
  }

  async #pump(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        await this.#sink.accept(next);
      } catch (error) {
        this.#onError(error);
      }
      this.#queuedBytes -= next.data.length;
    }
    this.#pumping = undefined;
  }
}
