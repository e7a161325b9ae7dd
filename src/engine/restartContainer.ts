import { isKind } from '../base/index.ts';

import { announce } from './containerEvents.ts';
import { startContainer, type StartParts } from './startContainer.ts';
import { stopLive, stopSignal, type StopOptions } from './stopContainer.ts';

/** POST /containers/{id}/restart: stops it when it runs, and starts it. */
export async function restartContainer(parts: StartParts, ref: string, options: StopOptions): Promise<void> {
  const record = parts.containers.find(ref);
  const live = parts.live.get(record.id);
  const signalNumber = stopSignal(record, options);
  const unmark = parts.live.markRestart(record.id);
  try {
    if (live !== undefined) {
      await stopLive(parts, record, live, { ...options, signalNumber });
      announce(parts, parts.containers.get(record.id) ?? record, 'stop');
    }
    await startContainer(parts, record.id);
  } catch (error) {
    // Somebody else's start was faster: it runs, which is what was asked for.
    if (!isKind(error, 'notModified')) throw error;
  } finally {
    unmark();
  }
  announce(parts, parts.containers.get(record.id) ?? record, 'restart');
}
