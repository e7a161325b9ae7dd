import { messageOf } from '../base/index.ts';

import type { SettleParts } from './settleContainer.ts';
import { defaultGraceSeconds, stopContainer } from './stopContainer.ts';

/** A client that takes nothing must not hold the end up. */
const flushTimeoutMs = 2_000;

/**
 * The daemon stops. Containers go on without it; only when `stopContainers` is set they are stopped first, each with its own
 * grace period but none longer than `timeoutSeconds`. Their restart policies bring them back with the next daemon.
 */
export async function shutdown(
  parts: SettleParts,
  options: { readonly stopContainers: boolean; readonly timeoutSeconds: number },
): Promise<void> {
  parts.live.stopRestarts();
  parts.health.close();
  if (options.stopContainers) await stopAll(parts, options.timeoutSeconds);
  await releaseAll(parts);
}

/** What has been read of the output of containers that go on is written to their logs before the daemon ends. */
async function releaseAll({ live }: Pick<SettleParts, 'live'>): Promise<void> {
  const timeout = AbortSignal.timeout(flushTimeoutMs);
  const expired = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve(), { once: true }));
  const flushed = [...live.entries()].map(([, { process, hub }]) => {
    process.release();
    return hub.closed;
  });
  await Promise.race([Promise.all(flushed), expired]);
}

async function stopAll(parts: SettleParts, longestSeconds: number): Promise<void> {
  await Promise.all(
    [...parts.live.entries()].map(async ([id]) => {
      const own = parts.containers.get(id)?.config.StopTimeout ?? defaultGraceSeconds;
      const timeoutSeconds = own < 0 ? longestSeconds : Math.min(own, longestSeconds);
      try {
        await stopContainer(parts, id, { timeoutSeconds, signal: undefined, isShutdown: true });
      } catch (error) {
        parts.logger.warn('stopping a container at shutdown failed', { container: id, error: messageOf(error) });
      }
    }),
  );
}
