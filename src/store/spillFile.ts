import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import type { OpenSpill, SpillFile } from '../base/index.ts';

/**
 * Gives what opens files without a name in `dir`, one for each call: made and unlinked at once, so that they are gone with
 * the process. What a kill between the two left is removed now.
 */
export function spillFiles(dir: string): OpenSpill {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(dir)) unlinkSync(join(dir, name));
  let count = 0;
  return async () => {
    const path = join(dir, `${count++}`);
    const handle = await open(path, 'wx+', 0o600);
    try {
      unlinkSync(path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new UnnamedFile(handle);
  };
}

class UnnamedFile implements SpillFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(data: Uint8Array, positionBytes: number): Promise<void> {
    for (let offset = 0; offset < data.length;) {
      const { bytesWritten } = await this.#handle.write(data, offset, data.length - offset, positionBytes + offset);
      offset += bytesWritten;
    }
  }

  async read(positionBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const data = Buffer.allocUnsafeSlow(lengthBytes);
    for (let offset = 0; offset < lengthBytes;) {
      const { bytesRead } = await this.#handle.read(data, offset, lengthBytes - offset, positionBytes + offset);
      if (bytesRead === 0) throw new Error(`a file of waiting output ends at byte ${positionBytes + offset}`);
      offset += bytesRead;
    }
    return data;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
