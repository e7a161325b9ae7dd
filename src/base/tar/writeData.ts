import { ftruncateSync, writeSync } from 'node:fs';

import type { TarEntry } from './entry.ts';
import type { TarReader } from './reader.ts';

/** Writes the data of `reader`'s current entry to an empty open file; a sparse one keeps its holes. */
export async function writeData(fd: number, entry: TarEntry, reader: TarReader): Promise<void> {
  if (entry.sparse === undefined) await reader.readData((piece) => writeAll(fd, piece));
  else await writeSparse(fd, entry, reader);
}

async function writeSparse(fd: number, entry: TarEntry, reader: TarReader): Promise<void> {
  ftruncateSync(fd, entry.sizeBytes);
  const segments = (entry.sparse ?? []).filter((segment) => segment.sizeBytes > 0).values();
  let position = 0;
  let left = 0;
  await reader.readData((piece) => {
    for (let at = 0; at < piece.length;) {
      if (left === 0) {
        const segment = segments.next().value;
        position = segment?.offsetBytes ?? 0;
        left = segment?.sizeBytes ?? piece.length;
      }
      const part = piece.subarray(at, at + left);
      writeAll(fd, part, position);
      at += part.length;
      position += part.length;
      left -= part.length;
    }
  });
}

function writeAll(fd: number, bytes: Buffer, position?: number): void {
  for (let at = 0; at < bytes.length;)
    at += writeSync(fd, bytes, at, bytes.length - at, position === undefined ? null : position + at);
}
