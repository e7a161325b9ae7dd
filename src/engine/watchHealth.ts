/**
 * Watching a container's health: one probe after another, with one timer, for as long as it runs. A start begins anew, a
 * pause interrupts, a restart of the daemon goes on where the last one was.
 */
import timers from 'node:timers/promises';

import { formatTime, longestTimerMs, messageOf } from '../base/index.ts';
import {
  healthPlan,
  probeDelayMs,
  probedHealth,
  startedHealth,
  unwatchedHealth,
  type ContainerRecord,
  type Health,
  type HealthPlan,
} from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import type { ProbeLoop } from './healthWatch.ts';
import { runProbe, type ProbeParts } from './runProbe.ts';

/** A container has started: it is probed from now on, the first time after one interval. */
export function startHealth(parts: ProbeParts, record: ContainerRecord): void {
  const plan = healthPlan(record.config);
  if (plan === undefined) return;
  parts.health.put(record.id, startedHealth(parts.health.get(record.id)));
  parts.health.watch(record.id, probeLoop(parts, record, plan), 0);
}

/** A container that runs has a new daemon: what is known stays, and the next probe comes when it is due. */
export function restoreHealth(parts: ProbeParts, record: ContainerRecord): void {
  const { id, state } = record;
  const plan = healthPlan(record.config);
  if (plan === undefined) return;
  if (parts.health.get(id) === undefined) parts.health.put(id, startedHealth(undefined));
  const lastAt = parts.health.get(id)?.log.at(-1)?.endedAt;
  const sinceMs = Math.max(Date.parse(state.startedAt), lastAt === undefined ? 0 : Date.parse(lastAt));
  parts.health.watch(id, probeLoop(parts, record, plan), nowMs(parts) - sinceMs);
  if (state.status === 'paused') suspendHealth(parts, id);
}

type Watch = Pick<ProbeParts, 'health'>;

/** A container has ended. */
export function stopHealth({ health }: Watch, id: string): void {
  health.unwatch(id);
  markUnwatched(health, id);
}

/** A container is paused. */
export function suspendHealth({ health }: Watch, id: string): void {
  health.suspend(id);
  markUnwatched(health, id);
}

/** As with Docker it counts as unhealthy then, which is not announced. */
function markUnwatched(health: Watch['health'], id: string): void {
  const known = health.get(id);
  if (known !== undefined && known.status !== 'unhealthy') health.put(id, unwatchedHealth(known));
}

function nowMs({ clock }: Pick<ProbeParts, 'clock'>): number {
  return Number(clock() / 1_000_000n);
}

/** Never rejects. */
function probeLoop(parts: ProbeParts, record: ContainerRecord, plan: HealthPlan): ProbeLoop {
  const startedAtMs = Date.parse(record.state.startedAt);
  const waitMs = (): number =>
    probeDelayMs(parts.health.get(record.id)?.status ?? 'starting', plan, nowMs(parts) - startedAtMs);
  return async (signal, waitedMs) => {
    try {
      let nextMs = Math.max(0, waitMs() - waitedMs);
      while (await hasWaited(nextMs, signal)) {
        await probe(parts, record, plan, signal);
        nextMs = waitMs();
      }
    } catch (error) {
      parts.logger.error('probing a container failed', { container: record.id, error: messageOf(error) });
    }
  };
}

/** False when `signal` came first. The daemon does not stay for it. */
function hasWaited(ms: number, signal: AbortSignal): Promise<boolean> {
  return timers.setTimeout(Math.min(ms, longestTimerMs), true, { signal, ref: false }).catch(() => false);
}

async function probe(
  parts: ProbeParts,
  { id, state }: ContainerRecord,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = formatTime(parts.clock());
  const outcome = await runProbe(parts, id, plan, signal);
  const before = parts.health.get(id);
  // What a container that has ended or paused meanwhile answered, or did not, says nothing about it.
  if (signal.aborted || before === undefined) return;
  const result = { ...outcome, startedAt, endedAt: formatTime(parts.clock()) };
  const after = probedHealth(before, plan, result, Date.parse(startedAt) - Date.parse(state.startedAt));
  parts.health.put(id, after);
  announceChange(parts, id, before, after);
}

function announceChange(parts: ProbeParts, id: string, before: Health, after: Health): void {
  const record = parts.containers.get(id);
  if (record !== undefined && after.status !== before.status) announce(parts, record, `health_status: ${after.status}`);
}
