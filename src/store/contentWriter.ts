import { createHash, type Hash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';

import { GantryError } from '../base/index.ts';
import type { Descriptor } from '../oci/index.ts';
import type { ContentWriter } from './content.ts';

/** Most bytes that are hashed or written in one go: about a millisecond of the main thread. */
const pieceBytes = 1024 * 1024;

type Expected = Pick<Descriptor, 'digest' | 'size'>;

/** A transfer into a partial file. Chunks are kept until there is a piece worth writing: do not change them afterwards. */
export class FileWriter implements ContentWriter {
  readonly #path: string;
  readonly #expected: Expected;
  readonly #publish: () => Promise<void>;
  readonly #onClose: () => void;
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #writtenBytes = 0;
  #isClosed = false;

  private constructor(
    path: string,
    expected: Expected,
    publish: () => Promise<void>,
    onClose: () => void,
    file: FileHandle,
  ) {
    this.#path = path;
    this.#expected = expected;
    this.#publish = publish;
    this.#onClose = onClose;
    this.#file = file;
  }

  /** Opens the partial file and hashes what is in it. `publish` moves it to its place; `onClose` is called once. */
  static async open(
    path: string,
    expected: Expected,
    publish: () => Promise<void>,
    onClose: () => void,
  ): Promise<FileWriter> {
    const file = await open(path, 'a+', 0o600);
    const writer = new FileWriter(path, expected, publish, onClose, file);
    try {
      await writer.#takeUp();
      return writer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get offsetBytes(): number {
    return this.#writtenBytes + this.#pendingBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#refuseIfClosed();
    if (this.offsetBytes + chunk.length > this.#expected.size)
      throw new GantryError(
        'invalid',
        `content ${this.#expected.digest} is longer than its ${this.#expected.size} bytes`,
      );
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      const piece = chunk.subarray(at, at + pieceBytes);
      this.#hash.update(piece);
      this.#pending.push(piece);
      this.#pendingBytes += piece.length;
      if (this.#pendingBytes >= pieceBytes) await this.#flush();
    }
  }

  async restart(): Promise<void> {
    this.#refuseIfClosed();
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writtenBytes = 0;
  }

  async commit(): Promise<void> {
    this.#refuseIfClosed();
    const problem = this.#problem();
    if (problem !== undefined) {
      await rm(this.#path, { force: true });
      await this.#close();
      throw new GantryError('invalid', problem);
    }
    try {
      await this.#flush();
      await this.#file.sync();
      await this.#publish();
    } finally {
      await this.#close();
    }
  }

  async abort(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#flush();
    } finally {
      await this.#close();
    }
  }

  async #takeUp(): Promise<void> {
    const { size } = await this.#file.stat();
    if (size > this.#expected.size) return this.restart();
    const buffer = Buffer.alloc(Math.min(size, pieceBytes));
    while (this.#writtenBytes < size) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#writtenBytes);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#writtenBytes += bytesRead;
    }
  }

  #problem(): string | undefined {
    const { digest, size } = this.#expected;
    if (this.offsetBytes !== size) return `content ${digest} ended after ${this.offsetBytes} of its ${size} bytes`;
    const actual = `sha256:${this.#hash.digest('hex')}`;
    return actual === digest ? undefined : `content arrived with digest ${actual} where ${digest} was expected`;
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writtenBytes += bytes.length;
    await this.#file.writeFile(bytes);
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#file.close();
    } finally {
      this.#onClose();
    }
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new GantryError('internal', `the transfer of ${this.#expected.digest} is closed`);
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
