import { humanDuration } from '../base/index.ts';

import type { ContainerState } from './record.ts';

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

function healthSuffix(health: HealthStatus): string {
  if (health === 'none') return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

/** The words of `ps`'s STATUS column: `Up 5 minutes`, `Exited (0) 2 hours ago`, `Created`. `nowMs` is since the epoch. */
export function statusText(
  state: Pick<ContainerState, 'status' | 'exitCode' | 'startedAt' | 'finishedAt'>,
  nowMs: number,
  health: HealthStatus = 'none',
): string {
  const since = (time: string): string => humanDuration((nowMs - Date.parse(time)) / 1000);
  switch (state.status) {
    case 'created':
      return 'Created';
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'running':
      return `Up ${since(state.startedAt)}${healthSuffix(health)}`;
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case 'exited':
      break;
  }
  return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
}
