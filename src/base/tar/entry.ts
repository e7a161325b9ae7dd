/**
 * A member of a tar archive, as meant: extended headers are already applied (pax, POSIX.1-2017 "pax Interchange Format";
 * GNU tar's manual, "Basic Tar Format").
 *
 * Names in archives and on Linux are bytes, not text. A `ByteString` holds one byte in each character (latin1), so that
 * no name is ever damaged; `bytesOf` and `toByteString` convert at the edges.
 */
export type ByteString = string;

export type EntryType = 'file' | 'hardlink' | 'symlink' | 'characterDevice' | 'blockDevice' | 'directory' | 'fifo';

/** A stretch of a sparse file that has data; the rest is zeros. */
export interface SparseSegment {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface TarEntry {
  /** As written in the archive: may be absolute, hold `..`, end with a slash. */
  readonly path: ByteString;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Apparent size of a regular file, 0 for everything else. */
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint | undefined;
  /** Target of a symlink or hardlink. */
  readonly linkPath: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, Buffer>;
  /** Present for a sparse file: ordered, without overlaps, within `sizeBytes`. Its stored data are these segments, end to end. */
  readonly sparse: readonly SparseSegment[] | undefined;
}

export const blockBytes = 512;

/** The bytes that a byte string stands for. */
export function bytesOf(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Text (as UTF-8) or bytes as a byte string. */
export function toByteString(value: string | Uint8Array): ByteString {
  return typeof value === 'string'
    ? Buffer.from(value, 'utf8').toString('latin1')
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
}

/** A name as people read it, for messages: quoted and cut. */
export function shown(name: ByteString): string {
  const text = bytesOf(name.slice(0, 200)).toString('utf8');
  return JSON.stringify(name.length > 200 ? `${text}...` : text);
}
