import koffi from 'koffi';

import { constants } from 'node:os';

/**
 * The C library, opened once. Every kernel call of the project is declared here or in a sibling of this file; nothing
 * outside `linux/` knows about FFI. Calls are synchronous and run on the calling thread.
 */
export const libc = koffi.load('libc.so.6');

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** Throws a Node-style system error (`code`, `errno`, `syscall`) for the errno that the last FFI call left. */
export function throwErrno(syscall: string, subject = ''): never {
  const errno = koffi.errno();
  const code = names.get(errno) ?? `E${errno}`;
  const error = new Error(`${code}: ${syscall}${subject === '' ? '' : ` '${subject}'`}`) as NodeJS.ErrnoException;
  error.code = code;
  error.errno = -errno;
  error.syscall = syscall;
  throw error;
}

/** `result` when it is not negative, else the system error that errno tells. */
export function checked(result: number, syscall: string, subject?: string): number {
  return result < 0 ? throwErrno(syscall, subject) : result;
}
