import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { trimMemory } from '../linux/index.ts';

const checkIntervalMs = 5_000;
/** Below this there is nothing worth a collection. */
const worthwhileBytes = 72 * 1024 * 1024;
/** Growth since the last trim from which on another one is worth it. */
const growthBytes = 8 * 1024 * 1024;
/** Share of one processor under which the daemon counts as idle. */
const idleShare = 0.02;

/**
 * Keeps an idle daemon small. Busy times leave garbage that V8 collects only when more is asked for, and free blocks that the
 * C library keeps; when the daemon has then been idle for an interval both are given back.
 */
export function trimWhenIdle(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let cpu = process.cpuUsage();
  let trimmedBytes = 0;
  setInterval(() => {
    const used = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    if (used.user + used.system > checkIntervalMs * 1_000 * idleShare) return;
    const heldBytes = process.memoryUsage.rss();
    if (heldBytes < worthwhileBytes || heldBytes < trimmedBytes + growthBytes) return;
    collect();
    trimMemory();
    trimmedBytes = process.memoryUsage.rss();
    cpu = process.cpuUsage();
  }, checkIntervalMs).unref();
}
