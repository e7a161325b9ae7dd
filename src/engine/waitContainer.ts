import type { ContainerWait } from '../api/index.ts';
import { isAlive, type WaitResult } from '../containers/index.ts';

import type { EngineParts } from './parts.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** POST /containers/{id}/wait: resolves when the wait is registered, `exit` when the condition holds. */
export async function waitContainer(
  { containers, waiters }: Pick<EngineParts, 'containers' | 'waiters'>,
  ref: string,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<{ readonly exit: Promise<ContainerWait> }> {
  const { id, state } = containers.find(ref);
  const isOver = !isAlive(state) && state.status !== 'restarting';
  if (condition === 'not-running' && isOver) {
    return { exit: Promise.resolve(answer({ exitCode: state.exitCode, error: state.error })) };
  }
  return { exit: waiters.next(id, condition === 'removed' ? 'removed' : 'exit', signal).then(answer) };
}

function answer({ exitCode, error }: WaitResult): ContainerWait {
  return { StatusCode: exitCode, ...(error === '' ? {} : { Error: { Message: error } }) };
}
