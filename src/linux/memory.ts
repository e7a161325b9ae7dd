import { libc } from './libc.ts';

const mallocTrim = libc.func('int malloc_trim(size_t pad)');

/** Gives the C library's free memory back to the kernel (malloc_trim(3)). A few milliseconds, more after much use. */
export function trimMemory(): void {
  mallocTrim(0);
}
