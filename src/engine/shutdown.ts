import { messageOf } from '../base/index.ts';

import type { SettleParts } from './settleContainer.ts';
import { stopContainer } from './stopContainer.ts';

/**
 * The daemon stops. Containers go on without it; only when `stopContainers` is set they are stopped first, each with its own
 * grace period but none longer than `timeoutSeconds`. Their restart policies bring them back with the next daemon.
 */
export async function shutdown(
  parts: SettleParts,
  options: { readonly stopContainers: boolean; readonly timeoutSeconds: number },
): Promise<void> {
  parts.live.stopRestarts();
  if (!options.stopContainers) return;
  await Promise.all(
    [...parts.live.entries()].map(async ([id]) => {
      const own = parts.containers.get(id)?.config.StopTimeout ?? options.timeoutSeconds;
      const timeoutSeconds = own < 0 ? options.timeoutSeconds : Math.min(own, options.timeoutSeconds);
      try {
        await stopContainer(parts, id, { timeoutSeconds, signal: undefined, isShutdown: true });
      } catch (error) {
        parts.logger.warn('stopping a container at shutdown failed', { container: id, error: messageOf(error) });
      }
    }),
  );
}
