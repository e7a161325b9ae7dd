/**
 * Output to lines of Docker's json-file format: `{"log":"text\n","stream":"stdout","attrs":{...},"time":"..."}` and a line feed.
 * Written for throughput: text that needs no escaping, which most is, is encoded a whole chunk at a time.
 */
type Stream = 'stdout' | 'stderr';

/** Longer lines are cut into partial entries, whose text has no line end. */
export const longestLineBytes = 16 * 1024;

const lineFeed = 10;
/** What JSON escapes, and what is not ASCII (which is valid UTF-8 or not). Line feeds are dealt with apart. */
const needsCare = /[^\n\x20\x21\x23-\x5b\x5d-\x7f]/;
const notAscii = /[^\0-\x7f]/;

export class EntryEncoder {
  /** The unfinished line of each stream, at most `longestLineBytes`. */
  readonly #pending: Record<Stream, Uint8Array | undefined> = { stdout: undefined, stderr: undefined };
  readonly #attributesText: string;

  constructor(attributes: Readonly<Record<string, string>> = {}) {
    this.#attributesText = Object.keys(attributes).length === 0 ? '' : `"attrs":${JSON.stringify(attributes)},`;
  }

  /** The lines that `data` completes, encoded; an unfinished one is kept for later. */
  encode(stream: Stream, data: Uint8Array, timeText: string): Buffer[] {
    const kept = this.#pending[stream];
    const bytes = kept === undefined ? asBuffer(data) : Buffer.concat([kept, data]);
    this.#pending[stream] = undefined;
    const encoded: Buffer[] = [];
    const tail = this.#tail(stream, timeText);
    let runStart = 0;
    let offset = 0;
    const endRun = (): void => {
      if (offset > runStart) encoded.push(encodeLines(bytes.subarray(runStart, offset), tail));
    };
    while (offset < bytes.length) {
      const windowEnd = Math.min(offset + longestLineBytes, bytes.length);
      const lastFeed = bytes.lastIndexOf(lineFeed, windowEnd - 1);
      if (lastFeed >= offset) {
        offset = lastFeed + 1;
      } else if (windowEnd - offset === longestLineBytes) {
        endRun();
        const cut = characterBorder(bytes, offset, windowEnd);
        encoded.push(encodePartial(bytes.subarray(offset, cut), tail));
        offset = cut;
        runStart = cut;
      } else {
        endRun();
        // A copy: the caller's chunk may be part of a much larger buffer.
        this.#pending[stream] = Uint8Array.from(bytes.subarray(offset));
        return encoded;
      }
    }
    endRun();
    return encoded;
  }

  /** The unfinished lines of both streams, encoded as partial entries. */
  flush(timeText: string): Buffer[] {
    const encoded: Buffer[] = [];
    for (const stream of ['stdout', 'stderr'] as const) {
      const kept = this.#pending[stream];
      if (kept !== undefined) encoded.push(encodePartial(asBuffer(kept), this.#tail(stream, timeText)));
      this.#pending[stream] = undefined;
    }
    return encoded;
  }

  #tail(stream: Stream, timeText: string): string {
    return `,"stream":"${stream}",${this.#attributesText}"time":"${timeText}"}\n`;
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** `bytes` is a number of whole lines. */
function encodeLines(bytes: Buffer, tail: string): Buffer {
  const latin = bytes.toString('latin1', 0, bytes.length - 1);
  const joint = `\\n"${tail}{"log":"`;
  if (!needsCare.test(latin)) return Buffer.from(`{"log":"${latin.split('\n').join(joint)}\\n"${tail}`, 'latin1');
  const isAscii = !notAscii.test(latin);
  const lines = (isAscii ? latin : bytes.toString('utf8', 0, bytes.length - 1)).split('\n');
  // `","` stands between the strings of an array and nowhere else: within them a quote has a backslash in front.
  const escaped = JSON.stringify(lines).slice(2, -2).split('","').join(joint);
  return Buffer.from(`{"log":"${escaped}\\n"${tail}`, isAscii ? 'latin1' : 'utf8');
}

function encodePartial(bytes: Buffer, tail: string): Buffer {
  return Buffer.from(`{"log":${JSON.stringify(bytes.toString())}${tail}`);
}

/** The last place at or before `end` that is not inside a UTF-8 character. */
function characterBorder(bytes: Buffer, start: number, end: number): number {
  let border = end;
  while (border > start && end - border < 4 && ((bytes[border] ?? 0) & 0xc0) === 0x80) border--;
  return end - border < 4 && border > start ? border : end;
}
