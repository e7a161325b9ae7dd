/** Largest number in a list: the kernel's own bound is 8192 CPUs and 1024 nodes. */
const mostNumber = 8192;

/**
 * The numbers in a list such as `0-2,7` (cpuset(7), "List format"); undefined when it is none. Bounded: a list names at most
 * some thousand numbers, whatever is typed.
 */
export function parseCpuList(list: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  if (list === '') return numbers;
  for (const part of list.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first > last || last > mostNumber) return undefined;
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}
