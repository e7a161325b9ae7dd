import { GantryError } from '../base/index.ts';

export type RestartPolicyName = 'no' | 'always' | 'unless-stopped' | 'on-failure';

export interface RestartPolicy {
  readonly name: RestartPolicyName;
  /** Only of `on-failure`; 0 means without end. */
  readonly maximumRetryCount: number;
}

export interface EndedRun {
  readonly exitCode: number;
  /** The user asked for the stop (stop, kill, restart, rm), so the engine leaves it so. */
  readonly manuallyStopped: boolean;
  /** Restarts in a row so far. */
  readonly restartCount: number;
}

const unknownPolicyHelp = "use one of 'no', 'always', 'on-failure', or 'unless-stopped'";

/** HostConfig.RestartPolicy as meant. Throws `invalid` with Docker's texts. */
export function parseRestartPolicy(
  value: { readonly Name?: string; readonly MaximumRetryCount?: number } | null | undefined,
): RestartPolicy {
  const name = value?.Name ?? '';
  const count = value?.MaximumRetryCount ?? 0;
  switch (name) {
    case '':
      return { name: 'no', maximumRetryCount: 0 };
    case 'on-failure':
      if (count < 0) {
        throw new GantryError('invalid', 'invalid restart policy: maximum retry count cannot be negative');
      }
      return { name, maximumRetryCount: count };
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (count !== 0) {
        const more = count < 0 ? ' and cannot be negative' : '';
        throw new GantryError(
          'invalid',
          `invalid restart policy: maximum retry count can only be used with 'on-failure'${more}`,
        );
      }
      return { name, maximumRetryCount: 0 };
    default:
      throw new GantryError('invalid', `invalid restart policy: unknown policy '${name}'; ${unknownPolicyHelp}`);
  }
}

/** Whether a container that has just ended is to be started again. */
export function shouldRestart(policy: RestartPolicy, ended: EndedRun): boolean {
  if (ended.manuallyStopped) return false;
  switch (policy.name) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      break;
  }
  if (ended.exitCode === 0) return false;
  return policy.maximumRetryCount === 0 || ended.restartCount < policy.maximumRetryCount;
}

/**
 * Whether a container that is not running is to be started when the daemon starts. `always` means it even after a manual
 * stop: that is what tells it from `unless-stopped`.
 */
export function shouldStartWithDaemon(policy: RestartPolicy, ended: EndedRun): boolean {
  return policy.name === 'always' || shouldRestart(policy, ended);
}

const firstDelayMs = 100;
const longestDelayMs = 60_000;
const steadyAfterMs = 10_000;

/**
 * How long to wait before the next restart: 100 ms, doubled each time up to a minute; a run that lasted ten seconds starts
 * over. `previousDelayMs` is what this function gave last time, 0 at first.
 */
export function restartDelayMs(previousDelayMs: number, uptimeMs: number): number {
  if (previousDelayMs === 0 || uptimeMs > steadyAfterMs) return firstDelayMs;
  return Math.min(previousDelayMs * 2, longestDelayMs);
}
