/**
 * The framing that carries several streams over one connection when there is no terminal: eight bytes of header (stream, three
 * zeros, length of the payload as big-endian uint32), then the payload. Engine API, "Attach to a container", stream format.
 */
import { GantryError } from './errors.ts';

export type FramedStream = 'stdin' | 'stdout' | 'stderr' | 'systemError';

const streams: readonly FramedStream[] = ['stdin', 'stdout', 'stderr', 'systemError'];
const headerBytes = 8;

/** The longest payload that a header can announce. */
export const longestFrameBytes = 2 ** 32 - 1;

/** The header to be written in front of `lengthBytes` of payload; the payload itself is not copied. */
export function frameHeader(stream: FramedStream, lengthBytes: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32BE(streams.indexOf(stream) * 0x1_00_00_00, 0);
  header.writeUInt32BE(lengthBytes, 4);
  return header;
}

/** A piece of one frame's payload: frames are handed on as they arrive, so a long one comes in several pieces. */
export interface FramePiece {
  readonly stream: FramedStream;
  readonly data: Uint8Array;
}

/**
 * Takes the framing apart while it arrives. Never holds more than a header: payloads are views into the chunks given. Bytes
 * that are no framing throw `invalid` and nothing more may be pushed then.
 */
export class MultiplexDecoder {
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #stream: FramedStream = 'stdout';
  #leftBytes = 0;

  /** The pieces that `chunk` holds, in order; empty frames give none. */
  push(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#leftBytes > 0) {
        const data = chunk.subarray(offset, offset + this.#leftBytes);
        pieces.push({ stream: this.#stream, data });
        this.#leftBytes -= data.length;
        offset += data.length;
      } else {
        offset += this.#takeHeader(chunk.subarray(offset, offset + headerBytes - this.#headerLength));
      }
    }
    return pieces;
  }

  /** To be called when the connection has ended: throws `unavailable` when that was in the middle of a frame. */
  finish(): void {
    if (this.#leftBytes > 0 || this.#headerLength > 0) {
      throw new GantryError('unavailable', 'the stream ended in the middle of a frame: unexpected EOF');
    }
  }

  #takeHeader(bytes: Uint8Array): number {
    this.#header.set(bytes, this.#headerLength);
    this.#headerLength += bytes.length;
    if (this.#headerLength === headerBytes) {
      const type = this.#header[0] ?? 0;
      const stream = streams[type];
      if (stream === undefined) throw new GantryError('invalid', `Unrecognized input header: ${type}`);
      this.#stream = stream;
      this.#leftBytes = this.#header.readUInt32BE(4);
      this.#headerLength = 0;
    }
    return bytes.length;
  }
}
