import type { IncomingMessage } from 'node:http';

import { GantryError } from '../base/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { RequestFailure } from './failure.ts';
import type { BlobSink } from './types.ts';

type Expected = Pick<Descriptor, 'digest' | 'size'>;

function refused(expected: Expected, why: string, transient = false): RequestFailure {
  return new RequestFailure(new GantryError('invalid', `blob ${expected.digest}: ${why}`), { transient });
}

/** The range that a 206 holds (RFC 9110, section 14.4). */
function contentRange(
  response: IncomingMessage,
): { readonly start: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(response.headers['content-range'] ?? '');
  if (match === null) return undefined;
  return { start: Number(match[1]), total: match[2] === '*' ? undefined : Number(match[2]) };
}

/** One blob on its way into a sink, over as many requests as it takes. */
export class BlobTransfer {
  readonly #expected: Expected;
  readonly #sink: BlobSink;
  readonly #onProgress: ((currentBytes: number) => void) | undefined;
  #offsetBytes: number;
  #resume = true;
  /** The most bytes that were ever there. A transfer that starts over has to get beyond it to count as progress. */
  #furthestBytes: number;
  #reportedBytes: number;

  constructor(expected: Expected, sink: BlobSink, onProgress: ((currentBytes: number) => void) | undefined) {
    this.#expected = expected;
    this.#sink = sink;
    this.#onProgress = onProgress;
    this.#offsetBytes = sink.offsetBytes;
    this.#furthestBytes = sink.offsetBytes;
    this.#reportedBytes = sink.offsetBytes;
  }

  get isComplete(): boolean {
    return this.#offsetBytes === this.#expected.size;
  }

  /** Whether new bytes have come since this was asked last. */
  takeProgress(): boolean {
    const progressed = this.#furthestBytes > this.#reportedBytes;
    this.#reportedBytes = this.#furthestBytes;
    return progressed;
  }

  /** The header that asks for what is missing. */
  rangeHeader(): Readonly<Record<string, string>> {
    return this.#offsetBytes > 0 && this.#resume ? { Range: `bytes=${this.#offsetBytes}-` } : {};
  }

  /** Makes what is in the sink fit the blob before the first request. */
  async begin(): Promise<void> {
    if (this.#offsetBytes > this.#expected.size) await this.#restart();
    this.#onProgress?.(this.#offsetBytes);
  }

  async #restart(): Promise<void> {
    await this.#sink.restart();
    this.#offsetBytes = 0;
    this.#onProgress?.(0);
  }

  /** The range was refused: the next request asks for all of it. Throws RequestFailure, transient. */
  async rangeRefused(): Promise<never> {
    this.#resume = false;
    await this.#restart();
    throw refused(this.#expected, 'the registry refused to resume', true);
  }

  /** Checks what an answer with status 200 or 206 says of its body, and starts over where it is not a continuation. */
  async accept(response: IncomingMessage): Promise<void> {
    if (response.statusCode === 206) {
      const range = contentRange(response);
      if (range === undefined || range.start !== this.#offsetBytes) return this.rangeRefused();
      this.#checkSize(range.total);
    } else if (this.#offsetBytes > 0) {
      await this.#restart();
    }
    const length = response.headers['content-length'];
    if (length !== undefined) this.#checkSize(this.#offsetBytes + Number(length));
  }

  #checkSize(sizeBytes: number | undefined): void {
    if (sizeBytes !== undefined && sizeBytes !== this.#expected.size)
      throw refused(this.#expected, `the registry sends ${sizeBytes} bytes where ${this.#expected.size} are expected`);
  }

  /** Passes the body on; throws RequestFailure on the first byte too many, and a transient one when it ends early. */
  async receive(pieces: AsyncIterable<Buffer>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#offsetBytes + piece.length > this.#expected.size)
        throw refused(this.#expected, `the registry sends more than the expected ${this.#expected.size} bytes`);
      await this.#sink.write(piece);
      this.#offsetBytes += piece.length;
      this.#furthestBytes = Math.max(this.#furthestBytes, this.#offsetBytes);
      this.#onProgress?.(this.#offsetBytes);
    }
    if (!this.isComplete)
      throw refused(this.#expected, `${this.#offsetBytes} of ${this.#expected.size} bytes came: unexpected EOF`, true);
  }
}
