/** Layers as they come: gzip (also of several members), zstd (also of several frames), or plain. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, type ZstdDecompress } from 'node:zlib';

import { GantryError, messageOf } from '../../base/index.ts';

const chunkBytes = 1024 * 1024;
const nothing = Buffer.alloc(0);

export type Compression = 'gzip' | 'zstd' | 'none';

type Consumer = (chunks: AsyncIterable<Buffer>) => Promise<void>;

/** What a file's first bytes say (RFC 1952, RFC 8878); a zstd stream may begin with a skippable frame. */
export function compressionOf(start: Buffer): Compression {
  if (start.length >= 2 && start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  const magic = start.length >= 4 ? start.readUInt32LE(0) : 0;
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? 'zstd' : 'none';
}

/**
 * Hands the decompressed bytes of the file `path` to `consume`, which must read to their end. Throws `invalid` when the
 * compressed stream is damaged, truncated, or followed by something else.
 */
export async function decompressed(path: string, consume: Consumer, signal: AbortSignal): Promise<void> {
  const compression = compressionOf(startOf(path));
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  try {
    if (compression === 'none') await pipeline(file, consume, { signal });
    else if (compression === 'zstd') await pipeline(file, zstdFrames, consume, { signal });
    else {
      const gunzip = createGunzip({ chunkSize: chunkBytes });
      await pipeline(file, gunzip, consume, { signal });
      // Zeros after the last member are passed over in silence.
      if (gunzip.bytesWritten !== statSync(path).size) throw damaged(compression, 'it is followed by something else');
    }
  } catch (error) {
    throw isDamage(error) ? damaged(compression, messageOf(error)) : error;
  }
}

/**
 * Hands the decompressed bytes of a stream that is read once to `consume`, which must read to their end. Throws `invalid` when
 * the stream is damaged or truncated, `notImplemented` when it is compressed by bzip2 or xz.
 */
export async function decompressedStream(
  chunks: AsyncIterable<Buffer>,
  start: Buffer,
  consume: Consumer,
): Promise<void> {
  refuseForeign(start);
  const compression = compressionOf(start);
  try {
    if (compression === 'none') await consume(chunks);
    else if (compression === 'zstd') await pipeline(chunks, zstdFrames, consume);
    else await pipeline(chunks, createGunzip({ chunkSize: chunkBytes }), consume);
  } catch (error) {
    throw isDamage(error) ? damaged(compression, messageOf(error)) : error;
  }
}

function refuseForeign(start: Buffer): void {
  const magic = start.toString('latin1');
  const name = /^BZh[1-9]/.test(magic) ? 'bzip2' : magic.startsWith('\u00fd7zX') ? 'xz' : undefined;
  if (name === undefined) return;
  throw new GantryError('notImplemented', `archives compressed by ${name} are not supported`, {
    hint: 'Send it plain, or compressed by gzip or zstd.',
  });
}

/** Node's decompressor ends with the first frame; layers of `zstd:chunked` and pzstd have thousands. */
async function* zstdFrames(file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = file[Symbol.asyncIterator]();
  const more = async (): Promise<Buffer> => {
    const { done, value } = await input.next();
    return done === true ? nothing : value;
  };
  for (let rest = await more(); rest.length > 0; rest = rest.length > 0 ? rest : await more()) {
    const frame = createZstdDecompress({ chunkSize: chunkBytes });
    const fed = feed(frame, rest, more);
    // When feeding fails, reading fails too, and tells.
    fed.catch(() => {});
    for await (const piece of frame) yield piece as Buffer;
    rest = await fed;
  }
}

/** Feeds `frame` until it has had enough; returns what is left of the last chunk. */
async function feed(frame: ZstdDecompress, first: Buffer, more: () => Promise<Buffer>): Promise<Buffer> {
  let fedBytes = 0;
  for (let chunk = first; chunk.length > 0; chunk = await more()) {
    await new Promise<void>((resolve, reject) => {
      frame.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
    fedBytes += chunk.length;
    const leftBytes = fedBytes - frame.bytesWritten;
    if (leftBytes > 0) return chunk.subarray(chunk.length - leftBytes);
  }
  frame.end();
  return nothing;
}

function isDamage(error: unknown): boolean {
  const code = error instanceof Error ? String((error as NodeJS.ErrnoException).code) : '';
  return code.startsWith('Z_') || code.startsWith('ZSTD_');
}

function damaged(compression: Compression, why: string): GantryError {
  return new GantryError('invalid', `the ${compression} stream is damaged: ${why}`);
}

function startOf(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(4);
    return buffer.subarray(0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}
