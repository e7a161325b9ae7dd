/**
 * Health checks without the clock and the processes: what is asked for, and what a probe's result makes of a container's
 * health (Engine API, HealthConfig and Health; the rules are dockerd's). Pure.
 */
import type { ContainerConfig, HealthConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import type { ImageRunConfig } from '../oci/index.ts';

/** One probe. Times are RFC 3339 with nanoseconds. */
export interface ProbeResult {
  readonly startedAt: string;
  readonly endedAt: string;
  /** 0 is healthy, all else is not; -1 when the probe did not start or did not end in time. */
  readonly exitCode: number;
  readonly output: string;
}

/** What is known of the health of a container that is, or was, watched. */
export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures in a row, those of the start period not counted. */
  readonly failingStreak: number;
  /** The last five, oldest first. */
  readonly log: readonly ProbeResult[];
}

/** A health check with every default filled in. */
export interface HealthPlan {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures within it, after the start, do not count until a probe succeeds. */
  readonly startPeriodMs: number;
  /** Between probes in the start period, until one succeeds. */
  readonly startIntervalMs: number;
  /** Failures in a row that make a container unhealthy. */
  readonly retries: number;
}

const nsPerMs = 1_000_000;
const keptResults = 5;
const defaultShell: readonly string[] = ['/bin/sh', '-c'];

/** Refuses, in Docker's words, a client's health check that cannot be right. */
export function checkHealthConfig(own: HealthConfig | null | undefined): void {
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const valueNs = own?.[field] ?? 0;
    if (valueNs !== 0 && valueNs < nsPerMs) {
      throw new GantryError('invalid', `${field} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((own?.Retries ?? 0) < 0) throw new GantryError('invalid', 'Retries in Healthcheck cannot be negative');
}

/** The client's health check completed, field by field, from the image's. */
export function mergeHealthConfig(
  own: HealthConfig | null | undefined,
  image: ImageRunConfig['Healthcheck'],
): HealthConfig | undefined {
  if (image === undefined) return own ?? undefined;
  const test = own?.Test?.length ? own.Test : image.Test;
  const merged: HealthConfig = test ? { Test: [...test] } : {};
  for (const field of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const) {
    const value = own?.[field] || image[field];
    if (value) merged[field] = value;
  }
  return merged;
}

/** What to do for a container's health; undefined when it has no check, or one of a kind that is unknown. */
export function healthPlan({ Healthcheck: check, Shell: shell }: ContainerConfig): HealthPlan | undefined {
  const [kind, ...words] = check?.Test ?? [];
  if (!check || (kind !== 'CMD' && kind !== 'CMD-SHELL')) return undefined;
  return {
    command: kind === 'CMD' ? words : [...(shell?.length ? shell : defaultShell), ...words],
    intervalMs: msOf(check.Interval, 30_000),
    timeoutMs: msOf(check.Timeout, 30_000),
    startPeriodMs: msOf(check.StartPeriod, 0),
    startIntervalMs: msOf(check.StartInterval, 5_000),
    retries: check.Retries || 3,
  };
}

function msOf(valueNs: number | undefined, otherwiseMs: number): number {
  return valueNs ? valueNs / nsPerMs : otherwiseMs;
}

/** A container starts: what was found out about an earlier run stays in the log only. */
export function startedHealth(before: Health | undefined): Health {
  return { status: 'starting', failingStreak: 0, log: before?.log ?? [] };
}

/** Nobody looks any more, since the container is stopped or paused: it does not count as healthy then. */
export function unwatchedHealth(health: Health): Health {
  return { ...health, status: 'unhealthy' };
}

/** `sinceStartMs` is from the container's start to the probe's. */
export function probedHealth(health: Health, plan: HealthPlan, result: ProbeResult, sinceStartMs: number): Health {
  const log = [...health.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (health.status === 'starting' && sinceStartMs < plan.startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= plan.retries ? 'unhealthy' : health.status, failingStreak, log };
}

/** How long to wait before the next probe, from now or from the end of the last one. */
export function probeDelayMs(status: Health['status'], plan: HealthPlan, sinceStartMs: number): number {
  const isStarting = status === 'starting' && sinceStartMs < plan.startPeriodMs;
  return isStarting ? plan.startIntervalMs : plan.intervalMs;
}

const keptOutputBytes = 4096;

/** The beginning of a probe's output; what is cut off is told by three dots. */
export class ProbeOutput {
  #kept = Buffer.alloc(0);
  #isCut = false;

  add(data: Uint8Array): void {
    const room = keptOutputBytes - this.#kept.length;
    if (data.length > room) this.#isCut = true;
    if (room > 0) this.#kept = Buffer.concat([this.#kept, data.subarray(0, room)]);
  }

  toString(): string {
    return this.#kept.toString('utf8') + (this.#isCut ? '...' : '');
  }
}
