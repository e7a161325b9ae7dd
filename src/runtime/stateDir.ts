import { readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

import { hasCode } from '../base/index.ts';

/**
 * What a process's state directory holds:
 *
 *     STATEDIR/
 *       stdin stdout stderr   FIFOs, the container's ends and ours (none with a TTY)
 *       status                FIFO; the wrapper writes the exit status into it
 *       pid                   the process, in the host's pid namespace; written by the OCI runtime once it exists
 *       wrapper               the shell that waits for the OCI runtime
 *       holder                the process that keeps stdin's write end open, while stdin may get more
 *       exit                  exit status, one line; written by the wrapper, whether a daemon runs or not
 *       log                   the OCI runtime's own errors
 *       process.json          of an exec: what is to run
 */
export interface StatePaths {
  readonly dir: string;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: string;
  readonly pid: string;
  readonly wrapper: string;
  readonly holder: string;
  readonly exit: string;
  readonly log: string;
  readonly process: string;
}

export function statePaths(dir: string): StatePaths {
  const at = (name: string): string => join(dir, name);
  return {
    dir,
    stdin: at('stdin'),
    stdout: at('stdout'),
    stderr: at('stderr'),
    status: at('status'),
    pid: at('pid'),
    wrapper: at('wrapper'),
    holder: at('holder'),
    exit: at('exit'),
    log: at('log'),
    process: at('process.json'),
  };
}

/** Takes away what an earlier process left in the directory; other files there stay. */
export function clearState(paths: StatePaths): void {
  const own = new Set<string>(Object.values(paths));
  for (const name of readdirSync(paths.dir)) {
    const path = join(paths.dir, name);
    if (own.has(path)) unlinkSync(path);
  }
}

const longestFileBytes = 64 * 1024;

/** A small file's text; undefined when there is none. */
export function readState(path: string): string | undefined {
  try {
    if (statSync(path).size > longestFileBytes) return readFileSync(path, 'utf8').slice(-longestFileBytes);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A pid that was written down; undefined while the file is missing or empty. */
export function readPid(path: string): number | undefined {
  const text = readState(path)?.trim() ?? '';
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

/** The exit status and when it was written; undefined while there is none (a line without its end is not there yet). */
export function readExit(path: string): { readonly code: number; readonly finishedAt: Date } | undefined {
  const match = /^([0-9]{1,3})\n/.exec(readState(path) ?? '');
  return match === null ? undefined : { code: Number(match[1]), finishedAt: statSync(path).mtime };
}
