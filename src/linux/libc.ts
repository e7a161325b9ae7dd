import koffi from 'koffi';

import { constants } from 'node:os';

/**
 * The C library, opened once. Every kernel call of the project is declared here or in a sibling of this file; nothing
 * outside `linux/` knows about FFI. Calls are synchronous and run on the calling thread.
 */
export const libc = koffi.load('libc.so.6');

/** Of two names for one number the usual one: EAGAIN, EOPNOTSUPP. */
const unusual = new Set(['EWOULDBLOCK', 'ENOTSUP']);
const names = new Map(
  Object.entries(constants.errno).flatMap(([name, number]) => (unusual.has(name) ? [] : [[number, name] as const])),
);

/** A Node-style system error (`code`, `errno`, `syscall`) for a positive errno; `detail` says what it was about. */
export function errnoError(errno: number, syscall: string, detail = ''): NodeJS.ErrnoException {
  const code = names.get(errno) ?? `E${errno}`;
  const error = new Error(`${code}: ${syscall}${detail === '' ? '' : ` ${detail}`}`) as NodeJS.ErrnoException;
  error.code = code;
  error.errno = -errno;
  error.syscall = syscall;
  return error;
}

/** The system error for the errno that the last FFI call left. */
export function syscallError(syscall: string, subject = ''): NodeJS.ErrnoException {
  return errnoError(koffi.errno(), syscall, subject === '' ? '' : `'${subject}'`);
}

/** Throws `syscallError`. */
export function throwErrno(syscall: string, subject = ''): never {
  throw syscallError(syscall, subject);
}

/** `result` when it is not negative, else the system error that errno tells. */
export function checked(result: number, syscall: string, subject?: string): number {
  return result < 0 ? throwErrno(syscall, subject) : result;
}
