import { readFileSync } from 'node:fs';

import { hasCode } from '../base/index.ts';
import { killGroup, openProcess, reap } from '../linux/index.ts';

/** A helper process of ours beside a container's: the wrapper, or stdin's holder. */
export interface Companion {
  /** Ends it. Idempotent. */
  end(): void;
}

export interface OwnCompanion extends Companion {
  /** Ends it and the OCI runtime that it waits for. */
  endWithRuntime(): void;
}

const sigkill = 9;

/** A child of this daemon. Its pid stays its own until it is reaped, which is here. */
export function ownCompanion(pid: number): OwnCompanion {
  let ended = false;
  const endBy = (kill: () => void): void => {
    if (ended) return;
    ended = true;
    kill();
    reap(pid);
  };
  return {
    end: () => endBy(() => process.kill(pid, sigkill)),
    endWithRuntime: () => endBy(() => killGroup(pid)),
  };
}

/**
 * A companion that an earlier daemon started; undefined when it has gone. A process that got its number since is told
 * apart by `belongs`, which sees the directory of the process in /proc.
 */
export function adoptedCompanion(
  pid: number | undefined,
  belongs: (procDir: string) => boolean,
): (Companion & { duplicate(fd: number): number }) | undefined {
  const handle = pid === undefined ? undefined : openProcess(pid);
  if (handle === undefined) return undefined;
  if (handle.hasEnded() || !isOurs(handle.pid, belongs)) {
    handle.close();
    return undefined;
  }
  return {
    end: () => {
      if (handle.signal(sigkill)) killGroup(handle.pid);
      handle.close();
    },
    duplicate: (fd) => handle.duplicate(fd),
  };
}

function isOurs(pid: number, belongs: (procDir: string) => boolean): boolean {
  try {
    return belongs(`/proc/${pid}`);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return false;
    throw error;
  }
}

/** Whether a process was started with `argument` on its command line. */
export function hasArgument(procDir: string, argument: string): boolean {
  return readFileSync(`${procDir}/cmdline`, 'utf8').split('\0').includes(argument);
}
