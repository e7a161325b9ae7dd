import { GantryError } from '../base/index.ts';

const mostLineBytes = 64 * 1024;

type State = 'size' | 'data' | 'dataEnd' | 'trailer' | 'done';

/**
 * Takes the chunked transfer coding (RFC 9112 section 7.1) apart while it arrives. A log's chunks can be as small as its lines,
 * so all of them that one read brought are handed on together. Chunk extensions and trailers are dropped.
 */
export class ChunkedDecoder {
  #state: State = 'size';
  #line = '';
  #leftBytes = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  /** The payload in `bytes`, and what follows the coding's end. Throws for what is no such coding. */
  push(bytes: Buffer): { readonly payload: Buffer; readonly rest: Buffer } {
    const pieces: Buffer[] = [];
    let offset = 0;
    while (offset < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const piece = bytes.subarray(offset, offset + this.#leftBytes);
        pieces.push(piece);
        offset += piece.length;
        this.#leftBytes -= piece.length;
        if (this.#leftBytes === 0) this.#state = 'dataEnd';
      } else {
        offset = this.#takeLine(bytes, offset);
      }
    }
    const payload = pieces.length === 1 ? pieces[0] : undefined;
    return { payload: payload ?? Buffer.concat(pieces), rest: bytes.subarray(offset) };
  }

  #takeLine(bytes: Buffer, offset: number): number {
    const end = bytes.indexOf(10, offset);
    this.#line += bytes.toString('latin1', offset, end === -1 ? bytes.length : end);
    if (this.#line.length > mostLineBytes)
      throw new GantryError('internal', 'the daemon answered with an oversized header');
    if (end === -1) return bytes.length;
    this.#endLine(this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line);
    this.#line = '';
    return end + 1;
  }

  #endLine(line: string): void {
    if (this.#state === 'size') {
      const digits = /^[0-9a-fA-F]{1,12}(?=\s*(?:;|$))/.exec(line)?.[0];
      if (digits === undefined) throw new GantryError('internal', 'the daemon answered with a malformed chunk');
      this.#leftBytes = Number.parseInt(digits, 16);
      this.#state = this.#leftBytes === 0 ? 'trailer' : 'data';
    } else if (this.#state === 'dataEnd') {
      if (line !== '') throw new GantryError('internal', 'the daemon answered with a malformed chunk');
      this.#state = 'size';
    } else if (line === '') {
      this.#state = 'done';
    }
  }
}
