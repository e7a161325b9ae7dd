import type { LogStream } from './types.ts';

/** Longer lines are cut into partial entries, whose text has no line end. */
export const longestLineBytes = 16 * 1024;

const lineFeed = 10;

export interface Cut {
  readonly data: Buffer;
  readonly isPartial: boolean;
}

/** Cuts the output of both streams where entries end. Holds at most one unfinished line a stream. */
export class LineCutter {
  readonly #pending: Record<LogStream, Uint8Array | undefined> = { stdout: undefined, stderr: undefined };

  /** What `data` completes: runs of whole lines, and partial entries. They may be views into `data`; the rest is kept for later. */
  cut(stream: LogStream, data: Uint8Array): Cut[] {
    const kept = this.#pending[stream];
    const bytes = kept === undefined ? asBuffer(data) : Buffer.concat([kept, data]);
    this.#pending[stream] = undefined;
    const cuts: Cut[] = [];
    let runStart = 0;
    let offset = 0;
    const endRun = (): void => {
      if (offset > runStart) cuts.push({ data: bytes.subarray(runStart, offset), isPartial: false });
    };
    while (offset < bytes.length) {
      const windowEnd = Math.min(offset + longestLineBytes, bytes.length);
      const lastFeed = bytes.lastIndexOf(lineFeed, windowEnd - 1);
      if (lastFeed >= offset) {
        offset = lastFeed + 1;
      } else if (windowEnd - offset === longestLineBytes) {
        endRun();
        const border = characterBorder(bytes, offset, windowEnd);
        cuts.push({ data: bytes.subarray(offset, border), isPartial: true });
        offset = border;
        runStart = border;
      } else {
        endRun();
        // A copy: the caller's chunk may be part of a much larger buffer.
        this.#pending[stream] = Uint8Array.from(bytes.subarray(offset));
        return cuts;
      }
    }
    endRun();
    return cuts;
  }

  /** The unfinished line of a stream, as a partial entry. */
  rest(stream: LogStream): Cut | undefined {
    const kept = this.#pending[stream];
    this.#pending[stream] = undefined;
    return kept === undefined ? undefined : { data: asBuffer(kept), isPartial: true };
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The last place at or before `end` that is not inside a UTF-8 character. */
function characterBorder(bytes: Buffer, start: number, end: number): number {
  let border = end;
  while (border > start && end - border < 4 && ((bytes[border] ?? 0) & 0xc0) === 0x80) border--;
  return end - border < 4 && border > start ? border : end;
}

/** The lines of a run, without their line ends. */
export function* linesOf(run: Buffer): Generator<Buffer, void, void> {
  for (let start = 0; start < run.length;) {
    const feed = run.indexOf(lineFeed, start);
    yield run.subarray(start, feed);
    start = feed + 1;
  }
}
