import { setTimeout as delay } from 'node:timers/promises';

import { cancelled, RequestFailure } from './failure.ts';
import type { RegistryLimits } from './types.ts';

export type Sleep = (delayMs: number, signal: AbortSignal | undefined) => Promise<void>;

/** Waits; throws `cancelled` when the signal comes first. */
export const pause: Sleep = async (delayMs, signal) => {
  try {
    await delay(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw cancelled();
  }
};

/** How long to wait before another attempt after `failures` failures in a row; undefined: give up. */
export function delayBefore(failure: RequestFailure, failures: number, limits: RegistryLimits): number | undefined {
  if (!failure.transient || failures >= limits.attemptsMax) return undefined;
  const { retryAfterMs } = failure;
  if (retryAfterMs !== undefined) return retryAfterMs > limits.retryAfterMaxMs ? undefined : retryAfterMs;
  return Math.min(limits.backoffMs * 2 ** (failures - 1), limits.backoffMaxMs);
}

/**
 * Repeats `attempt` while it fails with transient RequestFailures; failures count anew after each attempt that reports
 * progress. Everything else that is thrown ends it at once.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  context: {
    readonly limits: RegistryLimits;
    readonly sleep: Sleep;
    readonly signal: AbortSignal | undefined;
    /** Whether there was progress since it was asked last. */
    readonly progressed?: () => boolean;
  },
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error;
      if (context.progressed?.() === true) failures = 1;
      const delayMs = delayBefore(error, failures, context.limits);
      if (delayMs === undefined) throw error;
      await context.sleep(delayMs, context.signal);
    }
  }
}
