import { GantryError, messageOf } from '../base/index.ts';
import type { Context } from './command.ts';
import { ExitError } from './errors.ts';
import { write } from './world.ts';

/** Requests that may be under way at the same time. */
const mostParallel = 50;

async function settle<T>(work: () => Promise<T>): Promise<PromiseSettledResult<T>> {
  try {
    return { status: 'fulfilled', value: await work() };
  } catch (reason) {
    return { status: 'rejected', reason };
  }
}

/** One line for each failure, and the first hint. */
export function failuresText(failures: readonly unknown[]): string {
  const hint = failures.map((failure) => (failure instanceof GantryError ? failure.hint : undefined)).find(Boolean);
  return [...failures.map(messageOf), ...(hint === undefined ? [] : [hint])].join('\n');
}

/**
 * Does `work` for every target, several at a time, and prints what it resolves with, or else the target, or
 * nothing for null, in the order given.
 * Failures do not stop the others; they are told at the end, one a line, with status 1.
 */
export async function forEachTarget(
  context: Context,
  targets: readonly string[],
  work: (target: string) => Promise<string | null | void>,
): Promise<number> {
  const failures: unknown[] = [];
  for (let from = 0; from < targets.length; from += mostParallel) {
    const batch = targets.slice(from, from + mostParallel);
    const running = batch.map((target) => settle(() => work(target)));
    for (const [index, result] of running.entries()) {
      const settled = await result;
      if (settled.status === 'rejected') failures.push(settled.reason);
      else if (settled.value !== null) await write(context.world.stdout, `${settled.value ?? batch[index]}\n`);
    }
  }
  if (failures.length > 0) throw new ExitError(1, failuresText(failures));
  return 0;
}
