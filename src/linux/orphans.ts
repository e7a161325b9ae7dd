/**
 * Processes that lose their parent under this daemon become its children (prctl(2), PR_SET_CHILD_SUBREAPER), not those of
 * the host's first process: that one may take its time to reap them, or never do it, and a container's end waits for every
 * process that was in its pid namespace (pid_namespaces(7)).
 */
import { readFileSync } from 'node:fs';

import { hasCode } from '../base/index.ts';
import { checked, libc } from './libc.ts';
import { isOwnChild } from './process.ts';

const prctl = libc.func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
const waitid = libc.func('int waitid(int type, int id, _Out_ void *info, int options)');

const setChildSubreaper = 36;
const anyChild = 0;
const flags = { doNotWait: 1, ended: 4, leaveIt: 0x0100_0000 } as const;
/** siginfo_t(3) is 128 bytes on Linux; si_pid follows three numbers and a gap. */
const infoBytes = 128;
const pidOffset = 16;
const firstRetryMs = 20;
const longestRetryMs = 1000;

/** Makes this process the parent of the orphans below it, and reaps each at its end. */
export function adoptOrphans(): void {
  checked(prctl(setChildSubreaper, 1, 0, 0, 0) as number, 'prctl');
  const session = sessionOf('self');
  let retry: NodeJS.Timeout | undefined;
  const reapAll = (retryMs: number): void => {
    clearTimeout(retry);
    if (reapOrphans(session)) return;
    // One that is not an orphan is reaped by whoever started it, and hides those behind it until then.
    retry = setTimeout(() => reapAll(Math.min(2 * retryMs, longestRetryMs)), retryMs).unref();
  };
  process.on('SIGCHLD', () => reapAll(firstRetryMs));
  reapAll(firstRetryMs);
}

/** False when a child that is somebody's own was in the way. */
function reapOrphans(ownSession: number | undefined): boolean {
  for (let pid = endedChild(0); pid > 0; pid = endedChild(0)) {
    if (!isOrphan(pid, ownSession)) return false;
    endedChild(pid);
  }
  return true;
}

const info = Buffer.alloc(infoBytes);
const oneChild = 1;

/** The pid of a child that has ended, 0 when there is none. `reaped` is taken from the process table; 0 asks for any, and leaves it. */
function endedChild(reaped: number): number {
  info.fill(0);
  const options = flags.doNotWait | flags.ended | (reaped === 0 ? flags.leaveIt : 0);
  const failed = (waitid(reaped === 0 ? anyChild : oneChild, reaped, info, options) as number) < 0;
  return failed ? 0 : info.readInt32LE(pidOffset);
}

/**
 * What libuv starts is in the daemon's session; what `spawnProcess` starts leads a session of its own, whose number is its
 * pid, and so does a container's init, which the OCI runtime has started: they are told apart by who knows them.
 */
function isOrphan(pid: number, ownSession: number | undefined): boolean {
  return !isOwnChild(pid) && sessionOf(String(pid)) !== ownSession;
}

/** Field 6 of /proc/PID/stat, behind a name that may hold anything. */
function sessionOf(pid: string): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined;
    throw error;
  }
}
