import { GantryError, zeroTime } from '../base/index.ts';

import type { ContainerState, ContainerStatus } from './record.ts';

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

interface Transition {
  readonly from: readonly ContainerStatus[];
  readonly to: ContainerStatus;
}

/** The whole state machine. A container that has been removed has no status. */
const transitions = {
  start: { from: ['created', 'exited', 'restarting'], to: 'running' },
  pause: { from: ['running'], to: 'paused' },
  unpause: { from: ['paused'], to: 'running' },
  end: { from: ['running', 'paused'], to: 'exited' },
  endForNow: { from: ['running', 'paused'], to: 'restarting' },
  giveUp: { from: ['restarting'], to: 'exited' },
  remove: { from: ['created', 'exited', 'dead'], to: 'removing' },
  failToRemove: { from: ['removing'], to: 'dead' },
} as const satisfies Record<string, Transition>;

const all: readonly Transition[] = Object.values(transitions);

function refuse(from: ContainerStatus, to: ContainerStatus): never {
  throw new GantryError('internal', `a container that is ${from} cannot become ${to}`);
}

/** Throws `internal` when no transition leads from one status to the other: a defect of whoever asked. */
export function checkTransition(from: ContainerStatus, to: ContainerStatus): void {
  if (from !== to && !all.some((way) => way.to === to && way.from.includes(from))) refuse(from, to);
}

function go(
  state: ContainerState,
  way: keyof typeof transitions,
  changes: Partial<ContainerState> = {},
): ContainerState {
  const { from, to }: Transition = transitions[way];
  if (!from.includes(state.status)) refuse(state.status, to);
  return { ...state, ...changes, status: to };
}

/** Its init runs. */
export function started(state: ContainerState, pid: number, at: string): ContainerState {
  return go(state, 'start', {
    pid,
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt: at,
    manuallyStopped: false,
    isHeld: false,
  });
}

/** Its start was refused; Docker keeps such a container `created` (or `exited`), with the refusal's code and text. */
export function refused(state: ContainerState, exitCode: number, error: string): ContainerState {
  const changes = { pid: 0, exitCode, error };
  if (state.status === 'restarting') return go(state, 'giveUp', changes);
  if (isAlive(state)) return go(state, 'end', changes);
  checkTransition(state.status, transitions.start.to);
  return { ...state, ...changes };
}

type Exit = Pick<ContainerState, 'exitCode' | 'oomKilled'>;

/** The exit of a container whose end nobody saw: the host went down with it. */
export const unseenExit: Exit = { exitCode: 255, oomKilled: false };

/** Its init has ended. */
export function exited(state: ContainerState, { exitCode, oomKilled }: Exit, at: string): ContainerState {
  return go(state, 'end', { pid: 0, exitCode, oomKilled, finishedAt: at });
}

/** Its init has ended and the restart policy will start it again. */
export function restarting(state: ContainerState, { exitCode, oomKilled }: Exit, at: string): ContainerState {
  return go(state, 'endForNow', { pid: 0, exitCode, oomKilled, finishedAt: at });
}

/** The restart that it waited for has been called off on purpose. */
export function restartCancelled(state: ContainerState): ContainerState {
  return go(state, 'giveUp', { manuallyStopped: true });
}

export function paused(state: ContainerState): ContainerState {
  return go(state, 'pause');
}

/** Paused by the daemon, which does not leave it so. */
export function held(state: ContainerState): ContainerState {
  return go(state, 'pause', { isHeld: true });
}

export function unpaused(state: ContainerState): ContainerState {
  return go(state, 'unpause', { isHeld: false });
}

export function stoppedOnPurpose(state: ContainerState): ContainerState {
  return { ...state, manuallyStopped: true };
}

/** Its files are being removed: from here on it can only go. */
export function removing(state: ContainerState): ContainerState {
  return go(state, 'remove', { error: '' });
}

/** Its removal has failed: it is of no use any more, and waits to be removed again. */
export function dead(state: ContainerState, reason: string): ContainerState {
  return go(state, 'failToRemove', { error: reason });
}

/** Whether the container has a live init: running, or paused. */
export function isAlive(state: ContainerState): boolean {
  return state.status === 'running' || state.status === 'paused';
}

/** Whether its removal has begun: nothing but another removal can be done with it. */
export function isBeyondUse(state: ContainerState): boolean {
  return state.status === 'removing' || state.status === 'dead';
}
