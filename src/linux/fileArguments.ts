/** How the calls on files take their arguments. */

export type FilePath = string | Buffer;

export type NodeKind = 'characterDevice' | 'blockDevice' | 'fifo';

/** S_IFCHR, S_IFBLK, S_IFIFO. */
export const nodeBits: Readonly<Record<NodeKind, number>> = {
  characterDevice: 0o020000,
  blockDevice: 0o060000,
  fifo: 0o010000,
};

/** A C string. */
export function terminated(path: FilePath): FilePath {
  if (typeof path === 'string') return path;
  const text = Buffer.allocUnsafe(path.length + 1);
  text.set(path);
  text[path.length] = 0;
  return text;
}

/** A path for messages. */
export function shown(path: FilePath): string {
  return path.toString('utf8');
}

/** makedev(3). */
export function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** struct timespec[2]. */
export function timesOf(accessNs: bigint, modificationNs: bigint): BigInt64Array {
  return BigInt64Array.of(...secondsAndRest(accessNs), ...secondsAndRest(modificationNs));
}

/** struct timespec: the rest is never negative. */
function secondsAndRest(timeNs: bigint): [bigint, bigint] {
  const rest = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return [(timeNs - rest) / 1_000_000_000n, rest];
}
