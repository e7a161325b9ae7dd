import { GantryError, isKind } from '../base/index.ts';
import { held, isAlive, paused, unpaused, type ContainerRecord } from '../containers/index.ts';
import { thawCgroup } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { hasEnded } from './hasEnded.ts';
import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';
import { refuseState } from './createExec.ts';
import { knownRuntimeOf, runtimeOf } from './runtimeOf.ts';
import { matchFreezer } from './matchFreezer.ts';
import { suspendHealth } from './watchHealth.ts';

export type PauseParts = Pick<
  EngineParts,
  'containers' | 'locks' | 'runtimes' | 'journal' | 'live' | 'health' | 'cgroups' | 'settings' | 'logger'
>;

/** POST /containers/{id}/pause: freezes all processes. */
export async function pauseContainer(parts: PauseParts, ref: string): Promise<void> {
  const { id } = parts.containers.find(ref);
  await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    if (record.state.status === 'paused') throw new GantryError('conflict', `container ${id} is already paused`);
    refuseState(id, record.state.status, isAlive(record.state));
    await unlessEnded(parts, record, runtimeOf(parts, record).pause(id));
    const pausedRecord = await recordPause(parts, record);
    suspendHealth(parts, id);
    announce(parts, pausedRecord, 'pause');
  });
}

/** Where it cannot be recorded the container goes on: nobody could wake one of which no record says that it is paused. */
async function recordPause(parts: PauseParts, record: ContainerRecord): Promise<ContainerRecord> {
  const { id } = record;
  try {
    return parts.containers.update(id, (current) => ({ ...current, state: paused(current.state) }));
  } catch (error) {
    await runtimeOf(parts, record).resume(id);
    throw error;
  }
}

/** POST /containers/{id}/unpause: thaws them. */
export async function unpauseContainer(parts: PauseParts, ref: string): Promise<void> {
  const { id } = parts.containers.find(ref);
  await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    // Docker answers 500 here; its clients show the text.
    if (record.state.status !== 'paused') throw new GantryError('internal', `Container ${id} is not paused`);
    await resume(parts, record);
  });
}

/** Wakes a container that is paused, so that it can act on a signal. One that is not, or has ended, is left as it is. */
export async function thaw(parts: PauseParts, id: string): Promise<void> {
  await parts.locks.run(id, async () => {
    const record = parts.containers.get(id);
    if (record?.state.status !== 'paused') return;
    try {
      await resume(parts, record);
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error;
    }
  });
}

/**
 * Runs `work` while the container, whose lock the caller holds, is frozen. One that does not run, or is paused already, stays as
 * it is. The record says first that the daemon holds it, so that a crash leaves none frozen: see `releaseHeld`.
 */
export async function whileHeld<T>(parts: PauseParts, id: string, work: () => Promise<T>): Promise<T> {
  if (parts.containers.find(id).state.status !== 'running' || !(await hold(parts, id))) return await work();
  try {
    return await work();
  } finally {
    await releaseHeld(parts, id);
  }
}

/** Wakes a container that the daemon itself had paused. One that has ended meanwhile is left to its end. */
export async function releaseHeld(parts: PauseParts, id: string): Promise<void> {
  const record = parts.containers.get(id);
  if (record?.state.status !== 'paused' || record.state.isHeld !== true) return;
  try {
    await resume(parts, record);
  } catch (error) {
    if (!isKind(error, 'conflict')) throw error;
  }
}

/** False when it has ended meanwhile. */
async function hold(parts: PauseParts, id: string): Promise<boolean> {
  const record = parts.containers.update(id, (current) => ({ ...current, state: held(current.state) }));
  try {
    await unlessEnded(parts, record, runtimeOf(parts, record).pause(id));
  } catch (error) {
    parts.containers.update(id, (current) =>
      current.state.isHeld === true ? { ...current, state: unpaused(current.state) } : current,
    );
    if (isKind(error, 'conflict')) return false;
    throw error;
  }
  suspendHealth(parts, id);
  announce(parts, record, 'pause');
  return true;
}

async function resume(parts: PauseParts, record: ContainerRecord): Promise<void> {
  const { id } = record;
  const runtime = knownRuntimeOf(parts, record);
  if (runtime === undefined) thawCgroup(parts.cgroups, containerCgroup(parts, record));
  else await unlessEnded(parts, record, runtime.resume(id));
  announce(
    parts,
    parts.containers.update(id, (current) => ({ ...current, state: unpaused(current.state) })),
    'unpause',
  );
  parts.health.resume(id);
}

/** The runtime refuses what has ended before its end is on record: that is a conflict, and no failure. */
async function unlessEnded(parts: PauseParts, record: ContainerRecord, change: Promise<void>): Promise<void> {
  const { id } = record;
  try {
    await change;
  } catch (error) {
    if (await hasEnded(parts.live.get(id))) throw notRunning(id);
    // It may have failed before or after it did what it was for.
    matchFreezer(parts, record);
    throw error;
  }
}

function notRunning(id: string): GantryError {
  return new GantryError('conflict', `container ${id} is not running`);
}
