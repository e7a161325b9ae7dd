/** A tar archive of local files, made while it is sent. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type BigIntStats,
} from 'node:fs';

import {
  bytesOf,
  attributesOf,
  encodeHeader,
  endOfArchive,
  entryTypeOf,
  paddingOf,
  toByteString,
  type ByteString,
  type EntryType,
  type WritableEntry,
} from '../../base/index.ts';
import { inWords } from './localFiles.ts';
import { splitPath } from './paths.ts';

const chunkBytes = 256 * 1024;

/**
 * The file or tree at `path`, with `name` for its last component; links are kept as links, the second name of a file is a
 * hard link to its first, sockets are left out.
 */
export async function* makeArchive(path: string, name: string): AsyncGenerator<Buffer, void, undefined> {
  const { directory, base } = splitPath(path);
  const root = directory === '/' ? `/${base}` : `${directory}/${base}`;
  const archiver = new LocalArchiver();
  yield* batches(archiver.archive(toByteString(base === '/' ? '/' : root), toByteString(name)));
  yield endOfArchive();
}

/** Small chunks, headers mostly, go together: each costs a system call, and the daemon its work. */
function* batches(chunks: Iterable<Buffer>): Generator<Buffer, void, undefined> {
  let batch = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  for (const chunk of chunks) {
    if (filled > 0 && filled + chunk.length > chunkBytes) {
      yield batch.subarray(0, filled);
      batch = Buffer.allocUnsafe(chunkBytes);
      filled = 0;
    }
    if (chunk.length >= chunkBytes) yield chunk;
    else {
      batch.set(chunk, filled);
      filled += chunk.length;
    }
  }
  if (filled > 0) yield batch.subarray(0, filled);
}

class LocalArchiver {
  readonly #linked = new Map<string, ByteString>();

  *archive(path: ByteString, name: ByteString): Generator<Buffer, void, undefined> {
    const stat = inWords('lstat', shown(path), () => lstatSync(bytesOf(path), { bigint: true }));
    const type = entryTypeOf(stat);
    if (type === undefined) return;
    const first = type === 'directory' ? undefined : this.#firstName(stat, name);
    if (first !== undefined)
      yield encodeHeader({ ...described(path, stat, 'hardlink'), path: name, linkPath: first, sizeBytes: 0 });
    else if (type === 'file') yield* fileChunks(path, name);
    else if (type === 'directory') yield* this.#directory(path, name, stat);
    else yield encodeHeader({ ...described(path, stat, type), path: name });
  }

  *#directory(path: ByteString, name: ByteString, stat: BigIntStats): Generator<Buffer, void, undefined> {
    yield encodeHeader({ ...described(path, stat, 'directory'), path: `${name.replace(/\/$/, '')}/` });
    const names = inWords('open', shown(path), () => readdirSync(bytesOf(path), { encoding: 'buffer' }));
    for (const each of names.toSorted((a, b) => Buffer.compare(a, b))) {
      const child = toByteString(each);
      yield* this.archive(`${path.replace(/\/$/, '')}/${child}`, `${name.replace(/\/$/, '')}/${child}`);
    }
  }

  #firstName(stat: BigIntStats, name: ByteString): ByteString | undefined {
    if (stat.nlink < 2n) return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, name);
    return first;
  }
}

function* fileChunks(path: ByteString, name: ByteString): Generator<Buffer, void, undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = inWords('open', shown(path), () => openSync(bytesOf(path), flags));
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) return;
    const entry = { ...described(path, stat, 'file'), path: name };
    yield encodeHeader(entry);
    for (let left = entry.sizeBytes; left > 0;) {
      const piece = Buffer.allocUnsafe(Math.min(left, chunkBytes));
      const count = readSync(fd, piece, 0, piece.length, null);
      // A file that shrinks meanwhile is filled up with zeros.
      const filled = count === 0 ? piece.fill(0) : piece.subarray(0, count);
      yield filled;
      left -= filled.length;
    }
    yield paddingOf(entry.sizeBytes);
  } finally {
    closeSync(fd);
  }
}

function described(path: ByteString, stat: BigIntStats, type: EntryType): Omit<WritableEntry, 'path'> {
  return {
    ...attributesOf(type, stat),
    linkPath: type === 'symlink' ? toByteString(readlinkSync(bytesOf(path), { encoding: 'buffer' })) : '',
    xattrs: new Map(),
  };
}

function shown(path: ByteString): string {
  return bytesOf(path).toString('utf8');
}
