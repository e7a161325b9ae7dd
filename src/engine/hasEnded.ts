import { setTimeout as delay } from 'node:timers/promises';

import type { LiveContainer } from './live.ts';

/** How long the end of a container that the runtime no longer knows may take to be seen. */
const patienceMs = 1000;

/**
 * Whether this run of a container is over, asked after the runtime has refused something: it sees an end before the daemon
 * does, which is given a moment. The end may not be on record yet.
 */
export async function hasEnded(run: LiveContainer | undefined): Promise<boolean> {
  if (run === undefined) return true;
  const timer = new AbortController();
  try {
    const late = delay(patienceMs, false, { signal: timer.signal }).catch(() => false);
    return await Promise.race([run.process.exit.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
