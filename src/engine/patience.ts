/** Streams of clients that hold a container: a client that stalls is given up, so that it cannot hold up the others. */
import { GantryError } from '../base/index.ts';

/** Passes chunks on; `giveUp` is called when the reader asks for no further one for `patienceMs`. */
export async function* whileTaken<T>(
  chunks: AsyncIterable<T>,
  patienceMs: number,
  giveUp: () => void,
): AsyncGenerator<T, void, undefined> {
  for await (const chunk of chunks) {
    const timer = setTimeout(giveUp, patienceMs);
    try {
      yield chunk;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Passes chunks on. Throws `unavailable` when none comes for `patienceMs`. */
export async function* whileComing<T>(
  chunks: AsyncIterable<T>,
  patienceMs: number,
): AsyncGenerator<T, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await inTime(iterator.next(), patienceMs);
    if (done === true) return;
    yield value;
  }
}

async function inTime<T>(next: Promise<T>, patienceMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const refusal = new GantryError('unavailable', `the client has sent nothing for ${patienceMs / 1000} seconds`);
  const timer = setTimeout(() => reject(refusal), patienceMs);
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}
