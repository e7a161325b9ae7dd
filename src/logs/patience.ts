import { setTimeout as delay } from 'node:timers/promises';

import type { UnixDatagrams } from '../linux/index.ts';
import { StalledError } from './outage.ts';

const retryMs = 5;

/** Sends a datagram, waiting while the receiver's queue is full. Rejects with a StalledError when that takes longer than `patienceMs`. */
export async function sendPatiently(socket: UnixDatagrams, data: Buffer, patienceMs: number): Promise<void> {
  for (let waitedMs = 0; !socket.send(data); waitedMs += retryMs) {
    if (waitedMs >= patienceMs) throw new StalledError(socket.path, patienceMs);
    await delay(retryMs);
  }
}
