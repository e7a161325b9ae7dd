/**
 * What a process wrote to a terminal of its own, written to the user's. The user's terminal post-processes its output
 * even in raw mode, as Node and Bun set it: a line feed returns the carriage too. The process's terminal has done that
 * already where the process wanted it, so that every line would end with two carriage returns, and programs that draw
 * would lose their column with each bare line feed.
 */

const lineFeed = 10;
/** Terminals move down one line on it, as on a line feed; nothing else on the way reads anything into it. */
const verticalTab = 11;
const carriageReturn = 13;

/**
 * The bytes that make a post-processing terminal do what `chunk` would make a raw one do: the pair of carriage return and
 * line feed becomes the line feed alone, a bare line feed the vertical tab. A pair that two chunks tear apart keeps its
 * carriage return, which comes to the same. Returns `chunk` itself where it has no line feed.
 */
export function unprocessed(chunk: Buffer, before: number | undefined): Buffer {
  if (!chunk.includes(lineFeed)) return chunk;
  const text = Buffer.allocUnsafe(chunk.length);
  let length = 0;
  let previous = before;
  for (const byte of chunk) {
    if (byte !== lineFeed) text[length++] = byte;
    else if (previous !== carriageReturn) text[length++] = verticalTab;
    // The carriage return of an earlier chunk is out already.
    else text[length === 0 ? length++ : length - 1] = lineFeed;
    previous = byte;
  }
  return text.subarray(0, length);
}

/** The chunks of `source` for a terminal that post-processes what it is given. */
export async function* forTerminal(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let before: number | undefined;
  for await (const chunk of source) {
    yield unprocessed(chunk, before);
    before = chunk.at(-1) ?? before;
  }
}
