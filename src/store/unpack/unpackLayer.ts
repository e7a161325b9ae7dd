import { createHash } from 'node:crypto';

import { GantryError, TarReader, toByteString } from '../../base/index.ts';
import { decompressed } from './decompress.ts';
import { LayerUnpacker } from './layerUnpacker.ts';

/** A layer to unpack, and where to. Paths are absolute. */
export interface UnpackJob {
  readonly path: string;
  readonly diffId: string;
  readonly limitBytes: number;
  readonly upper: string;
  /** The topmost first. */
  readonly lowers: readonly string[];
}

/**
 * Unpacks a layer into `upper`. Reads archive and compressed stream to their ends, and throws `invalid` when either is
 * damaged, an entry is hostile, the bytes are more than `limitBytes`, or their digest is not `diffId`. Blocks its thread
 * between chunks: not for the main thread.
 */
export async function unpackLayer(job: UnpackJob, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  const unpack = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    const iterator = chunks[Symbol.asyncIterator]();
    let totalBytes = 0;
    const next = async (): Promise<Buffer | undefined> => {
      const { done, value } = await iterator.next();
      if (done === true) return undefined;
      totalBytes += value.length;
      if (totalBytes > job.limitBytes)
        throw new GantryError('invalid', `the layer unpacks to more than ${job.limitBytes} bytes`);
      hash.update(value);
      return value;
    };
    await unpackEntries(job, new TarReader(next));
  };
  await decompressed(job.path, unpack, signal);
  const diffId = `sha256:${hash.digest('hex')}`;
  if (diffId !== job.diffId)
    throw new GantryError(
      'invalid',
      `the layer has the diff id ${diffId} where the image's configuration says ${job.diffId}`,
    );
}

async function unpackEntries(job: UnpackJob, reader: TarReader): Promise<void> {
  const unpacker = new LayerUnpacker({
    upper: toByteString(job.upper),
    lowers: job.lowers.map(toByteString),
    limitBytes: job.limitBytes,
  });
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
    await unpacker.unpack(entry, reader);
  await reader.drain();
  unpacker.finish();
}
