/** Archives made by code: for tests' fixtures, and for small archives in general. */
import { blockBytes, toByteString, type EntryType } from './entry.ts';
import { encodeHeader, endOfArchive, paddingOf, type WritableEntry } from './writer.ts';

/** An entry in plain words. Only `path` is needed; text is written as UTF-8. */
export interface PackEntry {
  readonly path: string;
  /** Default: `directory` when the path ends with a slash, else `symlink` when there is a `linkPath`, else `file`. */
  readonly type?: EntryType;
  readonly content?: string | Uint8Array;
  /** Default: 0755 for directories, 0777 for symlinks, else 0644. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Default: 2020-01-01, so that equal entries give equal archives. */
  readonly mtimeNs?: bigint;
  readonly linkPath?: string;
  readonly device?: readonly [major: number, minor: number];
  readonly xattrs?: Readonly<Record<string, string | Uint8Array>>;
}

const defaultTimeNs = 1_577_836_800_000_000_000n;
const defaultModes: Partial<Record<EntryType, number>> = { directory: 0o755, symlink: 0o777 };

/** A whole pax archive with `entries` in the order given. Throws `invalid` for what tar cannot say. */
export function packTar(entries: Iterable<PackEntry>): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    parts.push(encodeHeader(toWritable(entry, content.length)), content, paddingOf(content.length));
  }
  parts.push(endOfArchive());
  return padToRecord(Buffer.concat(parts));
}

/** tar's records have 20 blocks. */
function padToRecord(archive: Buffer): Buffer {
  const record = 20 * blockBytes;
  const rest = archive.length % record;
  return rest === 0 ? archive : Buffer.concat([archive, Buffer.alloc(record - rest)]);
}

function toWritable(entry: PackEntry, sizeBytes: number): WritableEntry {
  const type = entry.type ?? typeOf(entry);
  return {
    path: toByteString(entry.path),
    type,
    mode: entry.mode ?? defaultModes[type] ?? 0o644,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    sizeBytes,
    mtimeNs: entry.mtimeNs ?? defaultTimeNs,
    linkPath: toByteString(entry.linkPath ?? ''),
    deviceMajor: entry.device?.[0] ?? 0,
    deviceMinor: entry.device?.[1] ?? 0,
    xattrs: new Map(
      Object.entries(entry.xattrs ?? {}).map(([name, value]) => [toByteString(name), Buffer.from(value)]),
    ),
  };
}

function typeOf(entry: PackEntry): EntryType {
  if (entry.path.endsWith('/')) return 'directory';
  return entry.linkPath === undefined ? 'file' : 'symlink';
}
