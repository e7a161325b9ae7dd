import { randomBytes } from 'node:crypto';

import { messageOf } from '../base/index.ts';
import type { LayerSource } from '../store/index.ts';

import type { EngineParts } from './parts.ts';

/**
 * Makes sure that the committed snapshot `chainId` is there: `layer` on top of `parent`. Whoever asks, and however many at
 * once: it is unpacked once. `onBegin` is called when it has to be.
 */
export async function unpackLayer(
  { snapshots, locks, logger }: Pick<EngineParts, 'snapshots' | 'locks' | 'logger'>,
  chainId: string,
  parent: string | undefined,
  layer: LayerSource,
  options: { readonly signal?: AbortSignal; readonly onBegin?: () => void } = {},
): Promise<void> {
  await locks.run(`unpack ${chainId}`, async () => {
    if (snapshots.stat(chainId) !== undefined) return;
    const key = `unpack-${randomBytes(8).toString('hex')}`;
    options.onBegin?.();
    await snapshots.prepare(key, parent);
    try {
      await snapshots.apply(key, layer, options.signal);
      await snapshots.commit(chainId, key);
    } catch (error) {
      await snapshots
        .remove(key)
        .catch((failure: unknown) =>
          logger.warn('removing a half-unpacked layer failed', { key, error: messageOf(failure) }),
        );
      throw error;
    }
  });
}
