/** What `cp` tells while it copies and afterwards, on standard error. */
import { humanSize } from '../../base/index.ts';
import type { Output } from '../world.ts';

const redrawMs = 75;
const savePosition = '\x1b7';
const restorePosition = '\x1b8';
const eraseLine = '\x1b[2K';
const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';

/** Counts what flows, and shows it on a terminal. */
export class CopyProgress {
  readonly #output: Output;
  readonly #header: string;
  #copiedBytes = 0;
  #shownBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `header` such as `Copying to container - `. */
  constructor(output: Output, header: string) {
    this.#output = output;
    this.#header = header;
  }

  start(): void {
    if (this.#output.isTTY !== true) return;
    this.#output.write(`${savePosition}${hideCursor}${this.#line()}`);
    this.#timer = setInterval(() => this.#redraw(), redrawMs);
  }

  async *counted<T extends Uint8Array>(chunks: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    for await (const chunk of chunks) {
      this.#copiedBytes += chunk.length;
      yield chunk;
    }
  }

  /** Takes the line away. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#output.write(`${showCursor}${restorePosition}${eraseLine}`);
  }

  summary(destination: string): string {
    return `Successfully copied ${humanSize(this.#copiedBytes, 3)} to ${destination}\n`;
  }

  #line(): string {
    return `${this.#header}${humanSize(this.#copiedBytes, 3)}`;
  }

  #redraw(): void {
    if (this.#copiedBytes === this.#shownBytes) return;
    this.#shownBytes = this.#copiedBytes;
    this.#output.write(`${restorePosition}${eraseLine}${this.#line()}`);
  }
}
