/**
 * Processes started by posix_spawn(3). child_process.spawn copies the daemon's page tables and takes milliseconds with
 * them; this shares memory until the exec and takes a fraction of one. The price: libuv does not know these processes, so
 * `reap` must be called for each when it is expected to end.
 */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';

import koffi from 'koffi';

import { checked, errnoError, libc, syscallError } from './libc.ts';

const posixSpawn = libc.func(
  'int posix_spawn(_Out_ int *pid, const char *path, const void *actions, const void *attributes, const char **argv, const char **env)',
);
const actionsInit = libc.func('int posix_spawn_file_actions_init(void *actions)');
const actionsDestroy = libc.func('int posix_spawn_file_actions_destroy(void *actions)');
const actionsDup2 = libc.func('int posix_spawn_file_actions_adddup2(void *actions, int fd, int target)');
const attributesInit = libc.func('int posix_spawnattr_init(void *attributes)');
const setFlags = libc.func('int posix_spawnattr_setflags(void *attributes, short flags)');
const setMask = libc.func('int posix_spawnattr_setsigmask(void *attributes, const void *set)');
const setDefault = libc.func('int posix_spawnattr_setsigdefault(void *attributes, const void *set)');
const fillSet = libc.func('int sigfillset(void *set)');
const emptySet = libc.func('int sigemptyset(void *set)');
const waitpid = libc.func('int waitpid(int pid, _Out_ int *status, int options)');

const flagBits = { setDefault: 0x4, setMask: 0x8, setSession: 0x80 } as const;
const doNotWait = 1;
const reapRetryMs = 10;
/** More than glibc's structures and signal sets have on any architecture. */
const opaqueBytes = 512;

export interface SpawnRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** What becomes descriptors 0, 1, 2, ... of the process; everything else is closed. */
  readonly descriptors: readonly number[];
}

/** Every child gets a session of its own, no blocked signal and no ignored one (Node ignores SIGPIPE). */
function sessionAttributes(): Buffer {
  const attributes = Buffer.alloc(opaqueBytes);
  const signals = Buffer.alloc(opaqueBytes);
  attributesInit(attributes);
  setFlags(attributes, flagBits.setDefault | flagBits.setMask | flagBits.setSession);
  fillSet(signals);
  setDefault(attributes, signals);
  emptySet(signals);
  setMask(attributes, signals);
  return attributes;
}

const attributes = sessionAttributes();

/**
 * Starts a program in a session of its own and gives its pid. Returns when it has been exec'ed. All descriptors of this
 * process must be close-on-exec, as Node's are, and above those that are asked for. Throws the system error.
 */
export function spawnProcess({ path, argv, env, descriptors }: SpawnRequest): number {
  const actions = Buffer.alloc(opaqueBytes);
  actionsInit(actions);
  try {
    descriptors.forEach((fd, target) => actionsDup2(actions, fd, target));
    const pid = [0];
    const errno = posixSpawn(pid, path, actions, attributes, [...argv, null], [...env, null]) as number;
    if (errno !== 0) throw errnoError(errno, 'posix_spawn', `'${path}'`);
    return pid[0] ?? 0;
  } finally {
    actionsDestroy(actions);
  }
}

/**
 * Takes a child's remains from the process table once it has ended, in the background. For one that is not our child
 * nothing happens. Never keeps this process running.
 */
export function reap(pid: number): void {
  const result = waitpid(pid, [0], doNotWait) as number;
  if (result === 0) setTimeout(() => reap(pid), reapRetryMs).unref();
}

/** Waits for a child; only for one that ends at once. Gives its exit status, or 128 + signal. Throws the system error. */
export function waitFor(pid: number): number {
  const status = [0];
  while ((waitpid(pid, status, 0) as number) < 0) {
    if (koffi.errno() !== constants.errno.EINTR) throw syscallError('waitpid', String(pid));
  }
  const value = status[0] ?? 0;
  const signal = value & 0x7f;
  return signal === 0 ? (value >> 8) & 0xff : 128 + signal;
}

const pipe2 = libc.func('int pipe2(_Out_ void *ends, int flags)');
const closeOnExec = 0o2000000;

export interface ProgramResult {
  /** Exit status, or 128 + signal. */
  readonly code: number;
  /** What it wrote to stdout and stderr, cut off where it gets too long. */
  readonly output: string;
}

const outputLimitBytes = 64 * 1024;

/** Runs a short program without input to its end. Throws the system error when it cannot be started. */
export async function runProgram(
  path: string,
  argv: readonly string[],
  env: readonly string[],
): Promise<ProgramResult> {
  const ends = Buffer.alloc(8);
  checked(pipe2(ends, closeOnExec) as number, 'pipe2');
  const [readEnd, writeEnd] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  const output = new Socket({ fd: readEnd, readable: true, writable: false });
  const none = openSync('/dev/null', 'r');
  try {
    const pid = spawnWith(writeEnd, () => spawnProcess({ path, argv, env, descriptors: [none, writeEnd, writeEnd] }));
    const text = await readToEnd(output);
    return { code: waitFor(pid), output: text };
  } catch (error) {
    output.destroy();
    throw error;
  } finally {
    closeSync(none);
  }
}

/** Closes our copy of a descriptor once a child has its own, or has failed to start. */
function spawnWith(fd: number, spawn: () => number): number {
  try {
    return spawn();
  } finally {
    closeSync(fd);
  }
}

async function readToEnd(stream: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (length < outputLimitBytes) chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8', 0, outputLimitBytes);
}
