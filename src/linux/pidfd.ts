/** Processes named by descriptors (pidfd_open(2)): a signal cannot reach a stranger who got the same number. */
import { closeSync } from 'node:fs';

import koffi from 'koffi';

import { checked, libc, throwErrno } from './libc.ts';

const syscall = libc.func('long syscall(long number, long a, long b, long c, long d)');
koffi.struct('gantry_pollfd', { fd: 'int', events: 'short', revents: 'short' });
const poll = libc.func('int poll(_Inout_ gantry_pollfd *fds, unsigned long count, int timeoutMs)');

// The same on all architectures (asm-generic/unistd.h).
const numbers = { pidfdSendSignal: 424, pidfdOpen: 434, pidfdGetfd: 438 } as const;
const noSuchProcess = 3;
const pollIn = 1;

const call = (number: number, a: number, b: number, c: number, d: number): number =>
  Number(syscall(number, a, b, c, d));

/** A process that is known by a descriptor, not by a number that can be used again. Close it when done. */
export class ProcessHandle {
  readonly pid: number;
  #fd: number;

  constructor(pid: number, fd: number) {
    this.pid = pid;
    this.#fd = fd;
  }

  /** Sends a signal; false when the process has gone or the handle is closed. Throws the system error. */
  signal(signal: number): boolean {
    if (this.#fd < 0) return false;
    if (call(numbers.pidfdSendSignal, this.#fd, signal, 0, 0) >= 0) return true;
    return koffi.errno() === noSuchProcess ? false : throwErrno('pidfd_send_signal', String(this.pid));
  }

  /** Whether the process has ended (it may still wait to be reaped). */
  hasEnded(): boolean {
    if (this.#fd < 0) return true;
    const fds = [{ fd: this.#fd, events: pollIn, revents: 0 }];
    return checked(poll(fds, 1, 0) as number, 'poll', String(this.pid)) > 0;
  }

  /** A duplicate of one of the process's descriptors (pidfd_getfd(2)). Throws the system error. */
  duplicate(fd: number): number {
    return checked(call(numbers.pidfdGetfd, this.#fd, fd, 0, 0), 'pidfd_getfd', String(this.pid));
  }

  /** Gives the descriptor up. Idempotent. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** The process that has `pid` now; undefined when there is none. Throws the system error. */
export function openProcess(pid: number): ProcessHandle | undefined {
  const fd = call(numbers.pidfdOpen, pid, 0, 0, 0);
  if (fd >= 0) return new ProcessHandle(pid, fd);
  return koffi.errno() === noSuchProcess ? undefined : throwErrno('pidfd_open', String(pid));
}
