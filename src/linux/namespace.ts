/**
 * Network namespaces that outlive the process that made them: one is kept by a bind mount of its file. The calls switch
 * the calling thread and are synchronous: use them in a worker thread of their own, where nothing else can run while the
 * thread is elsewhere. See network_namespaces(7), setns(2).
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';

import { hasCode } from '../base/index.ts';
import { checked, libc, syscallError } from './libc.ts';
import { kernelMounter } from './mount.ts';

const unshare = libc.func('int unshare(int flags)');
const setns = libc.func('int setns(int fd, int type)');
const umount2 = libc.func('int umount2(const char *target, int flags)');

const newNetwork = 0x40000000;
const unmountDetach = 2;
const unmountNoFollow = 8;
const threadNetwork = '/proc/thread-self/ns/net';

/** The thread could not come back to the namespace that it came from: nothing may run on it any more. */
export class LostThreadError extends Error {
  constructor(cause: unknown) {
    super('the thread could not return to its network namespace', { cause });
    this.name = 'LostThreadError';
  }
}

/**
 * Makes a network namespace, runs `inside` in it, and keeps it by a bind mount on `path`, a file that is made here and
 * must not exist. `inside` must be synchronous. Throws what failed, and then leaves nothing behind; LostThreadError means
 * that the thread must end.
 */
export function createNetworkNamespace<T>(path: string, inside: () => T): T {
  closeSync(openSync(path, 'wx', 0o444));
  const home = openSync(threadNetwork, 'r');
  try {
    checked(unshare(newNetwork) as number, 'unshare', 'network');
    try {
      kernelMounter.mount({ type: 'bind', source: threadNetwork, flags: [], options: [] }, path);
      return inside();
    } finally {
      returnTo(home);
    }
  } catch (error) {
    removeNetworkNamespace(path);
    throw error;
  } finally {
    closeSync(home);
  }
}

function returnTo(home: number): void {
  if ((setns(home, newNetwork) as number) < 0) throw new LostThreadError(syscallError('setns', threadNetwork));
}

/**
 * Lets go of a namespace kept at `path`, and removes the file. The kernel frees the namespace when its last process and
 * socket have gone. A path that is gone is no error. Throws the system error.
 */
export function removeNetworkNamespace(path: string): void {
  for (;;) {
    // Mounts may lie on top of each other after a crash; EINVAL says that none is left.
    if ((umount2(path, unmountDetach | unmountNoFollow) as number) === 0) continue;
    const error = syscallError('umount2', path);
    if (hasCode(error, 'EINVAL')) break;
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  unlinkSync(path);
}
