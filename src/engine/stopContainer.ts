import { setTimeout as delay } from 'node:timers/promises';

import { GantryError, longestTimerMs } from '../base/index.ts';
import { isAlive, restartCancelled, stoppedOnPurpose, type ContainerRecord } from '../containers/index.ts';
import { parseSignal, thawCgroup } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { announce } from './containerEvents.ts';
import type { LiveContainer } from './live.ts';
import type { EngineParts } from './parts.ts';
import { thaw, type PauseParts } from './pauseContainer.ts';

type StopParts = PauseParts & Pick<EngineParts, 'waiters' | 'health'>;

export interface StopOptions {
  /** -1 waits for ever; undefined takes the container's own, else ten seconds. */
  readonly timeoutSeconds: number | undefined;
  /** Undefined takes the container's own, else SIGTERM. */
  readonly signal: string | undefined;
  /** The daemon stops, nobody stopped the container: its restart policy stays in force. */
  readonly isShutdown?: boolean;
}

/** Between the stop signal and SIGKILL, unless the container or the client says otherwise. */
export const defaultGraceSeconds = 10;
const defaultStopSignal = 'SIGTERM';
const killSignal = 9;
const killPatienceMs = 10_000;

/** POST /containers/{id}/stop: the stop signal, then after the grace period SIGKILL. Not running: `notModified`. */
export async function stopContainer(parts: StopParts, ref: string, options: StopOptions): Promise<void> {
  const { id } = parts.containers.find(ref);
  const isCancelled = await cancelPlannedRestart(parts, id);
  const record = parts.containers.find(id);
  const signal = stopSignal(record, options);
  if (isCancelled) {
    announce(parts, record, 'stop');
    return;
  }
  if (!isAlive(record.state)) throw new GantryError('notModified', `container ${record.id} is not running`);
  const live = inHand(parts, record);
  await stopLive(parts, record, live, { ...options, signalNumber: signal });
  announce(parts, parts.containers.get(record.id) ?? record, 'stop');
}

/** A container that runs, but that this daemon has not been able to take back from the one before it, or to settle. */
function inHand({ live }: StopParts, { id, name }: ContainerRecord): LiveContainer {
  const found = live.get(id);
  if (found !== undefined) return found;
  throw new GantryError('internal', `container ${name} is out of this daemon's hand`, {
    hint: "The daemon's log says why, and it tries again; `rm -f` gives the container up.",
  });
}

/** The signal that asks a container to stop. */
export function stopSignal(record: ContainerRecord, options: StopOptions): number {
  return parseSignal(options.signal || record.config.StopSignal || defaultStopSignal);
}

/**
 * A container that waits for its restart is stopped by forgetting the restart. Under its lock, since the restart may be under
 * way: then it is not forgotten, and the container runs when this resolves.
 */
async function cancelPlannedRestart(parts: StopParts, id: string): Promise<boolean> {
  if (parts.containers.get(id)?.state.status !== 'restarting') return false;
  return parts.locks.run(id, async () => {
    if (parts.containers.get(id)?.state.status !== 'restarting') return false;
    parts.live.cancelRestart(id);
    const { state } = parts.containers.update(id, (current) => ({
      ...current,
      state: restartCancelled(current.state),
    }));
    parts.waiters.exited(id, { exitCode: state.exitCode, error: '' });
    return true;
  });
}

/** Ends a container that runs: stop signal, grace period, SIGKILL. */
export async function stopLive(
  parts: StopParts,
  record: ContainerRecord,
  live: LiveContainer,
  options: StopOptions & { readonly signalNumber: number },
): Promise<void> {
  if (options.isShutdown !== true) markStopped(parts, record.id);
  await sendSignal(parts, record, live, options.signalNumber);
  const seconds = options.timeoutSeconds ?? record.config.StopTimeout ?? defaultGraceSeconds;
  const gone = seconds < 0 ? await live.settled.then(() => true) : await settledWithin(live, seconds * 1000);
  if (!gone) await forceEnd(parts, record, live);
}

function markStopped({ containers }: StopParts, id: string): void {
  if (containers.get(id) === undefined) return;
  containers.update(id, (record) => ({ ...record, state: stoppedOnPurpose(record.state) }));
}

/** Signals the init, and wakes a paused container (also one whose pause is under way) so that it can act on the signal. */
async function sendSignal(
  parts: StopParts,
  record: ContainerRecord,
  live: LiveContainer,
  signal: number,
): Promise<void> {
  if (live.process.signal(signal)) announce(parts, record, 'kill', { signal: String(signal) });
  await thaw(parts, record.id);
  if (signal === killSignal) thawFromOutside(parts, record);
}

/** SIGKILL ends a frozen process only when it is woken (cgroup v1), whoever has frozen it. */
function thawFromOutside(parts: StopParts, record: ContainerRecord): void {
  thawCgroup(parts.cgroups, containerCgroup(parts, record));
}

async function forceEnd(parts: StopParts, record: ContainerRecord, live: LiveContainer): Promise<void> {
  await sendSignal(parts, record, live, killSignal);
  if (await settledWithin(live, killPatienceMs)) return;
  throw new GantryError('internal', `cannot stop container: ${record.name}: it did not end after SIGKILL`, {
    hint: 'A process of it is probably stuck in the kernel (see its state with ps); try again later.',
  });
}

async function settledWithin(live: LiveContainer, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      live.settled.then(() => true),
      delay(Math.min(timeoutMs, longestTimerMs), false, { signal: timer.signal }).catch(() => false),
    ]);
  } finally {
    timer.abort();
  }
}

/** POST /containers/{id}/kill: any signal, without waiting for what it does; SIGKILL is waited for. */
export async function killContainer(parts: StopParts, ref: string, signal: string | undefined): Promise<void> {
  const { id, config } = parts.containers.find(ref);
  const number = parseSignal(signal || 'SIGKILL');
  const isStop = number === killSignal || number === parseSignal(config.StopSignal || defaultStopSignal);
  // Where it waits for its restart nothing can be signalled: a stop means the restart, any other signal nothing.
  if (isStop && (await cancelPlannedRestart(parts, id))) return;
  const record = parts.containers.find(id);
  if (record.state.status === 'restarting') return;
  const notRunning = new GantryError(
    'conflict',
    `cannot kill container: ${ref}: container ${record.id} is not running`,
  );
  if (!isAlive(record.state)) throw notRunning;
  const live = inHand(parts, record);
  if (isStop) markStopped(parts, id);
  if (!live.process.signal(number)) throw notRunning;
  announce(parts, record, 'kill', { signal: String(number) });
  // As with Docker: only where a stop signal is named can a paused container get another one and stay paused.
  if (isStop || !config.StopSignal) await thaw(parts, id);
  if (number !== killSignal) return;
  thawFromOutside(parts, record);
  // Docker answers when a killed container is gone.
  await settledWithin(live, killPatienceMs);
}

/** Ends a container for good before its removal; one that does not run is left as it is. */
export async function killAndWait(parts: StopParts, id: string): Promise<void> {
  if (await cancelPlannedRestart(parts, id)) return;
  const record = parts.containers.get(id);
  const live = parts.live.get(id);
  if (record === undefined || live === undefined) return;
  markStopped(parts, id);
  await forceEnd(parts, record, live);
}
