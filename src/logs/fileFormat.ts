import type { CutOutput, LogEntry } from './types.ts';

/** How entries stand in a file: one a line, so that files are cut, counted and searched by line feeds whatever the format. */
export interface FileFormat {
  /** What makes the lines of one run's output, which are good until the next call; `attributes` belong to every entry. */
  encoder(attributes: Readonly<Record<string, string>>): (output: CutOutput) => Buffer;
  lineDecoder(): LineDecoder;
}

export interface LineDecoder {
  /**
   * The entry of the line from `start` to its line feed at `end`; undefined for what is none. May change the bytes of the line,
   * and gives views into them.
   */
  decode(bytes: Buffer, start: number, end: number): LogEntry | undefined;
}

const lineFeed = 10;
/** No line that is ours is longer; what is, is damage, and is skipped up to the next line feed. */
const longestEncodedBytes = 1 << 20;

/**
 * Blocks of a file to entries. Lines that are none (a torn one after a crash) are skipped. The blocks given are changed and
 * entries are views into them: hand them over and do not use them again.
 */
export class BlockDecoder {
  readonly #line: LineDecoder;
  #carry: Buffer | undefined;
  #skipping = false;

  constructor(format: FileFormat) {
    this.#line = format.lineDecoder();
  }

  /** The entries that `block` completes. */
  push(block: Buffer): LogEntry[] {
    const bytes = this.#carry === undefined ? block : Buffer.concat([this.#carry, block]);
    this.#carry = undefined;
    const entries: LogEntry[] = [];
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
      const entry = this.#skipping ? undefined : this.#line.decode(bytes, start, end);
      this.#skipping = false;
      if (entry !== undefined) entries.push(entry);
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return entries;
  }

  /** Forgets an unfinished line: what follows is another file. */
  reset(): void {
    this.#carry = undefined;
    this.#skipping = false;
  }

  #keep(rest: Buffer): void {
    if (this.#skipping || rest.length > longestEncodedBytes) this.#skipping = true;
    else this.#carry = rest;
  }
}
