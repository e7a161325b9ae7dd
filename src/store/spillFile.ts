import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import type { OpenSpill, SpillFile } from '../base/index.ts';

/** With less than this there is no room for what only waits: the daemon's own records need it. */
const defaultKeptFreeBytes = 1 << 30;

/**
 * Gives what opens files without a name in `dir`, one for each call: made and unlinked at once, so that they are gone with
 * the process. What a kill between the two left is removed now. None is opened on a file system with less than
 * `keptFreeBytes` free.
 */
export function spillFiles(dir: string, keptFreeBytes = defaultKeptFreeBytes): OpenSpill {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(dir)) unlinkSync(join(dir, name));
  let count = 0;
  return async () => {
    await expectFree(dir, keptFreeBytes);
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

async function expectFree(dir: string, keptFreeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const freeBytes = bavail * bsize;
  if (freeBytes < keptFreeBytes) throw new Error(`only ${freeBytes} bytes are free on the file system of ${dir}`);
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
