import { zeroTime } from '../base/index.ts';

import type { ContainerState } from './record.ts';

/** The state of a container that has been created and never started. */
export const createdState: ContainerState = {
  status: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: zeroTime,
  finishedAt: zeroTime,
  manuallyStopped: false,
};

/** Its init runs. */
export function started(state: ContainerState, pid: number, at: string): ContainerState {
  return {
    ...state,
    status: 'running',
    pid,
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt: at,
    manuallyStopped: false,
  };
}

/** Its start was refused; Docker keeps such a container `created` (or `exited`), with the refusal's code and text. */
export function refused(state: ContainerState, exitCode: number, error: string): ContainerState {
  return { ...state, pid: 0, exitCode, error, status: state.status === 'created' ? 'created' : 'exited' };
}

/** Its init has ended. */
export function exited(
  state: ContainerState,
  { exitCode, oomKilled }: Pick<ContainerState, 'exitCode' | 'oomKilled'>,
  at: string,
): ContainerState {
  return { ...state, status: 'exited', pid: 0, exitCode, oomKilled, finishedAt: at };
}

/** Its init has ended and the restart policy will start it again. */
export function restarting(state: ContainerState): ContainerState {
  return { ...state, status: 'restarting' };
}

/** The restart that it waited for has been called off on purpose. */
export function restartCancelled(state: ContainerState): ContainerState {
  return { ...stoppedOnPurpose(state), status: 'exited' };
}

export function paused(state: ContainerState): ContainerState {
  return { ...state, status: 'paused' };
}

export function unpaused(state: ContainerState): ContainerState {
  return { ...state, status: 'running' };
}

export function stoppedOnPurpose(state: ContainerState): ContainerState {
  return { ...state, manuallyStopped: true };
}

/** Whether the container has a live init: running, or paused. */
export function isAlive(state: ContainerState): boolean {
  return state.status === 'running' || state.status === 'paused';
}
