/**
 * A container's files while it does not run: its snapshot and its binds, put together as a mount tree that hangs nowhere
 * and that only a descriptor holds. Nothing is to be cleaned up after a crash. See mount_namespaces(7), open_tree(2).
 */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { posix } from 'node:path';

import { hasCode } from '../base/index.ts';
import { checked, libc, syscallError } from './libc.ts';
import { kernelMounter, type MountRequest } from './mount.ts';
import { LostThreadError } from './namespace.ts';
import { makeDirectoryAt, openAt, openBelow, openPathOnly } from './relative.ts';

/** A file or directory of the host that shows in the tree. */
export interface ViewBind {
  readonly source: string;
  /** Absolute path in the tree; made when it is missing. */
  readonly destination: string;
  readonly isReadOnly: boolean;
  /** With what is mounted below the source. */
  readonly isRecursive: boolean;
}

export interface RootViewPlan {
  readonly root: MountRequest;
  /** The root itself refuses writes; binds have their own say. */
  readonly isReadOnly: boolean;
  /** From the shallowest to the deepest. A source that is missing is left out. */
  readonly binds: readonly ViewBind[];
  /** A directory of the host, to put the tree together on; nobody but the calling thread sees it there. */
  readonly place: string;
}

const unshare = libc.func('int unshare(int flags)');
const setns = libc.func('int setns(int fd, int type)');
const fchdir = libc.func('int fchdir(int fd)');
const chroot = libc.func('int chroot(const char *path)');
const sysMount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
const sysOpenTree = libc.func('syscall', 'long', ['long', 'int', 'const char *', 'uint']);
const sysMoveMount = libc.func('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'uint']);
const sysSetAttributes = libc.func('syscall', 'long', ['long', 'int', 'str', 'uint', 'const uint64_t *', 'size_t']);

const newMounts = 0x00020000;
const recursivelyPrivate = 0x4000 | (1 << 18);
const currentDirectory = -100;
const openTreeNumber = 428;
const moveMountNumber = 429;
const setAttributesNumber = 442;
const treeClone = 1;
const treeCloseOnExec = 0o2000000;
const emptyPath = 0x1000;
const recursive = 0x8000;
const moveBetweenDescriptors = 0x04 | 0x40;
const readOnlyAttribute = 1n;
const threadMounts = '/proc/thread-self/ns/mnt';

/**
 * Opens the tree: a descriptor for `openBelow`; the tree goes with it when it is closed. The thread is in a mount namespace
 * of its own meanwhile: for worker threads only. Throws the system error; LostThreadError means that the thread must end.
 */
export function openRootView(plan: RootViewPlan): number {
  const home = openSync(threadMounts, 'r');
  const homeRoot = openSync('/', openPathOnly | constants.O_DIRECTORY);
  try {
    checked(unshare(newMounts) as number, 'unshare', 'mounts');
    try {
      return assemble(plan);
    } finally {
      returnTo(home, homeRoot);
    }
  } finally {
    closeSync(homeRoot);
    closeSync(home);
  }
}

/** setns(2) makes the namespace's root the thread's root, which is another one where the daemon lives in a chroot. */
function returnTo(home: number, homeRoot: number): void {
  if ((setns(home, newMounts) as number) < 0) throw new LostThreadError(syscallError('setns', threadMounts));
  if ((fchdir(homeRoot) as number) < 0) throw new LostThreadError(syscallError('fchdir', '/'));
  if ((chroot('.') as number) < 0) throw new LostThreadError(syscallError('chroot', '/'));
}

/** All sources are opened before the root covers `place`, where one of them may lie. */
function assemble({ root, isReadOnly, binds, place }: RootViewPlan): number {
  // What is mounted from here on is not to spread to the host, nor to come from it.
  checked(sysMount('none', '/', null, recursivelyPrivate, null) as number, 'mount', '/');
  const trees: BindTree[] = [];
  try {
    for (const bind of binds) trees.push(...openBind(bind));
    kernelMounter.mount(root, place);
    const rootFd = openSync(place, openPathOnly | constants.O_DIRECTORY);
    try {
      for (const tree of trees) attach(rootFd, tree);
      if (isReadOnly) setReadOnly(rootFd, 0);
      return cloneTree(rootFd, '', recursive);
    } finally {
      closeSync(rootFd);
    }
  } finally {
    for (const { fd } of trees) closeSync(fd);
  }
}

/** A bind that hangs nowhere yet. */
interface BindTree {
  readonly fd: number;
  readonly destination: string;
  readonly isDirectory: boolean;
}

function openBind({ source, destination, isReadOnly, isRecursive }: ViewBind): BindTree[] {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  const depth = isRecursive ? recursive : 0;
  const fd = cloneTree(currentDirectory, source, depth);
  if (isReadOnly) setReadOnly(fd, depth);
  return [{ fd, destination, isDirectory: stat.isDirectory() }];
}

function attach(rootFd: number, { fd, destination, isDirectory }: BindTree): void {
  const target = mountPoint(rootFd, destination, isDirectory);
  try {
    const moved = sysMoveMount(moveMountNumber, fd, '', target, '', moveBetweenDescriptors);
    checked(Number(moved), 'move_mount', destination);
  } finally {
    closeSync(target);
  }
}

function cloneTree(dirFd: number, path: string, depth: number): number {
  const flags = treeClone | treeCloseOnExec | depth | (path === '' ? emptyPath : 0);
  return checked(Number(sysOpenTree(openTreeNumber, dirFd, path, flags)), 'open_tree', path);
}

/** struct mount_attr: what to set, what to clear, propagation, user namespace. */
function setReadOnly(fd: number, depth: number): void {
  const attributes = BigUint64Array.of(readOnlyAttribute, 0n, 0n, 0n);
  const result = sysSetAttributes(setAttributesNumber, fd, '', emptyPath | depth, attributes, attributes.byteLength);
  checked(Number(result), 'mount_setattr');
}

/** Opens where a bind goes; makes it, with the directories above it, where the container has never been started. */
function mountPoint(rootFd: number, path: string, isDirectory: boolean): number {
  try {
    return openBelow(rootFd, path, openPathOnly);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || path === '/') throw error;
  }
  const parent = mountPoint(rootFd, posix.dirname(path), true);
  try {
    const name = posix.basename(path);
    if (isDirectory) makeDirectoryAt(parent, name, 0o755);
    else closeSync(openAt(parent, name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o755));
    return openAt(parent, name, openPathOnly);
  } finally {
    closeSync(parent);
  }
}
