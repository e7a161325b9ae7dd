/**
 * Processes started by posix_spawn(3). child_process.spawn copies the daemon's page tables and takes milliseconds with
 * them; this shares memory until the exec and takes a fraction of one. The price: libuv does not know these processes, so
 * `reap` must be called for each when it is expected to end.
 */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import koffi from 'koffi';

import { GantryError, hasCode } from '../base/index.ts';
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

/** Children that nobody has reaped yet. */
const ownChildren = new Set<number>();

/** Whether `pid` is a child that `spawnProcess` has started, whose end is somebody's to see. */
export function isOwnChild(pid: number): boolean {
  return ownChildren.has(pid);
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
    ownChildren.add(pid[0] ?? 0);
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
  else ownChildren.delete(pid);
}

/** What wait(2) tells of an end, as a shell counts: the status, or 128 + signal. */
function exitStatus(value: number): number {
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
const longestPollMs = 50;
const sigkill = 9;

/**
 * Runs a program without input to its end, which it may take `timeoutMs` for: then it and its process group are killed, and
 * this throws. Throws the system error when it cannot be started.
 */
export async function runProgram(
  path: string,
  argv: readonly string[],
  env: readonly string[],
  { timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {},
): Promise<ProgramResult> {
  const ends = Buffer.alloc(8);
  checked(pipe2(ends, closeOnExec) as number, 'pipe2');
  const [readEnd, writeEnd] = [ends.readInt32LE(0), ends.readInt32LE(4)];
  const output = new Socket({ fd: readEnd, readable: true, writable: false });
  const none = openSync('/dev/null', 'r');
  let timer: NodeJS.Timeout | undefined;
  try {
    const pid = spawnWith(writeEnd, () => spawnProcess({ path, argv, env, descriptors: [none, writeEnd, writeEnd] }));
    let timedOut = false;
    timer = setTimeout(() => {
      timedOut = true;
      killGroup(pid);
      // Whoever else holds the other end of it: its output is of no use any more.
      output.destroy();
    }, timeoutMs);
    const text = await readToEnd(output).catch((error: unknown) => {
      if (timedOut) return '';
      throw error;
    });
    const code = await endOf(pid);
    if (timedOut)
      throw new GantryError('internal', `${argv.join(' ')}: killed after ${timeoutMs / 1000} s without an end`);
    return { code, output: text };
  } catch (error) {
    output.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    closeSync(none);
  }
}

/** Kills a child of ours that leads a session, with what is in its process group. */
export function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, sigkill);
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }
}

/** Waits for a child without holding up this process: it may live on after it has closed its output. Gives its exit status. */
async function endOf(pid: number): Promise<number> {
  const status = [0];
  for (let waitMs = 0; ; waitMs = Math.min(waitMs === 0 ? 1 : waitMs * 2, longestPollMs)) {
    const ended = waitpid(pid, status, doNotWait) as number;
    if (ended === pid) {
      ownChildren.delete(pid);
      return exitStatus(status[0] ?? 0);
    }
    if (ended < 0 && koffi.errno() !== constants.errno.EINTR) throw syscallError('waitpid', String(pid));
    await (waitMs === 0 ? nextTurn() : delay(waitMs));
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
