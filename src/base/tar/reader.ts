/** Reads a tar archive entry by entry, with pax and GNU extensions applied. Everything that it keeps is bounded. */
import { GantryError } from '../errors.ts';
import { ByteReader, type ChunkSource } from './byteReader.ts';
import { blockBytes, shown, type ByteString, type EntryType, type SparseSegment, type TarEntry } from './entry.ts';
import { isZeroBlock, parseHeader, parseSparseExtension, type RawHeader } from './header.ts';
import { parsePax, paxName, paxNumber, paxTimeNs, type PaxRecord } from './pax.ts';
import { readSegments, segmentsInRecords, verifySegments } from './sparse.ts';

/** Most bytes of one extended header. */
const extensionLimitBytes = 1024 * 1024;
/** Most extended headers before one entry. */
const extensionLimit = 16;
const sparseSegmentLimit = 100_000;

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'characterDevice',
  '4': 'blockDevice',
  '5': 'directory',
  D: 'directory',
  '6': 'fifo',
};

/** What the extended headers before an entry say. */
interface Extensions {
  records: readonly PaxRecord[];
  longPath: ByteString | undefined;
  longLinkPath: ByteString | undefined;
}

export class TarReader {
  readonly #bytes: ByteReader;
  /** Of the current entry's data and padding. */
  #unreadBytes = 0;
  #dataBytes = 0;

  constructor(source: ChunkSource) {
    this.#bytes = new ByteReader(source);
  }

  /** The next entry; undefined at the end mark or the end of the stream. What is left of the last entry's data is skipped. */
  async next(): Promise<TarEntry | undefined> {
    await this.#skipData();
    const extensions: Extensions = { records: [], longPath: undefined, longLinkPath: undefined };
    for (let count = 0; count <= extensionLimit;) {
      const block = await this.#bytes.take(blockBytes);
      if (block === undefined) return endOfStream(count);
      if (isZeroBlock(block)) return await this.#endMark(count);
      const header = parseHeader(block);
      // A volume's label or a global header says nothing about the entry; Docker ignores them too.
      if (header.flag === 'V') continue;
      if (header.flag === 'g') await this.#readExtension(header);
      else if (await this.#takeExtension(header, extensions)) count++;
      else return await this.#entry(header, extensions);
    }
    throw new GantryError('invalid', `the archive has more than ${extensionLimit} extended headers before one entry`);
  }

  /** Hands on the stored bytes of the current entry; a sparse file's are its segments, end to end. */
  async readData(consume: (piece: Buffer) => void): Promise<void> {
    const count = this.#dataBytes;
    this.#dataBytes = 0;
    this.#unreadBytes -= count;
    await this.#bytes.pass(count, consume);
  }

  /** Reads what follows the end mark, to the end of the stream. */
  async drain(): Promise<void> {
    await this.#bytes.drain();
  }

  async #skipData(): Promise<void> {
    const count = this.#unreadBytes;
    this.#unreadBytes = 0;
    this.#dataBytes = 0;
    if (count > 0) await this.#bytes.pass(count, () => {});
  }

  async #endMark(extensions: number): Promise<undefined> {
    const block = await this.#bytes.take(blockBytes);
    if (block !== undefined && !isZeroBlock(block))
      throw new GantryError('invalid', 'the archive is damaged: there is an empty block between its entries');
    return endOfStream(extensions);
  }

  /** Whether `header` was an extended one, which is kept for the entry that follows. */
  async #takeExtension(header: RawHeader, extensions: Extensions): Promise<boolean> {
    if (header.flag === 'x' || header.flag === 'X')
      extensions.records = extensions.records.concat(parsePax(await this.#readExtension(header)));
    else if (header.flag === 'L') extensions.longPath = untilZero(await this.#readExtension(header));
    else if (header.flag === 'K') extensions.longLinkPath = untilZero(await this.#readExtension(header));
    else return false;
    return true;
  }

  async #readExtension(header: RawHeader): Promise<Buffer> {
    if (header.sizeBytes > extensionLimitBytes)
      throw new GantryError('invalid', `the archive has an extended header of ${header.sizeBytes} bytes`);
    const padded = header.sizeBytes + paddingBytes(header.sizeBytes);
    const body = padded === 0 ? Buffer.alloc(0) : await this.#bytes.take(padded);
    if (body === undefined) throw new GantryError('invalid', 'the archive is truncated');
    // The chunk that it lies in would be kept alive by what refers to it.
    return Buffer.from(body.subarray(0, header.sizeBytes));
  }

  async #entry(header: RawHeader, extensions: Extensions): Promise<TarEntry> {
    const pax = new Map(extensions.records.map(({ key, value }) => [key, value]));
    const path = nameFrom(pax, ['GNU.sparse.name', 'path'], extensions.longPath ?? header.path);
    const type = typeOf(header.flag, path);
    const storedBytes = numberFrom(pax, 'size', header.sizeBytes);
    this.#setDataSize(hasData(header.flag, type) ? storedBytes : 0);
    const sparse = type === 'file' ? await this.#sparse(header, extensions.records, pax) : undefined;
    return {
      path,
      type,
      mode: header.mode,
      uid: numberFrom(pax, 'uid', header.uid),
      gid: numberFrom(pax, 'gid', header.gid),
      sizeBytes: type === 'file' ? (sparse?.realSizeBytes ?? storedBytes) : 0,
      mtimeNs: timeFrom(pax, 'mtime') ?? BigInt(header.mtimeSeconds) * 1_000_000_000n,
      atimeNs: timeFrom(pax, 'atime'),
      linkPath: nameFrom(pax, ['linkpath'], extensions.longLinkPath ?? header.linkPath),
      deviceMajor: header.deviceMajor,
      deviceMinor: header.deviceMinor,
      xattrs: xattrsFrom(pax),
      sparse: sparse?.segments,
    };
  }

  #setDataSize(sizeBytes: number): void {
    this.#dataBytes = sizeBytes;
    this.#unreadBytes = sizeBytes + paddingBytes(sizeBytes);
    if (!Number.isSafeInteger(this.#unreadBytes))
      throw new GantryError('invalid', 'the archive has an entry of an absurd size');
  }

  async #sparse(
    header: RawHeader,
    records: readonly PaxRecord[],
    pax: ReadonlyMap<string, Buffer>,
  ): Promise<{ segments: SparseSegment[]; realSizeBytes: number } | undefined> {
    const found = await this.#sparseSegments(header, records, pax);
    if (found === undefined) return undefined;
    verifySegments(found.segments, found.realSizeBytes, this.#dataBytes);
    return found;
  }

  async #sparseSegments(
    header: RawHeader,
    records: readonly PaxRecord[],
    pax: ReadonlyMap<string, Buffer>,
  ): Promise<{ segments: SparseSegment[]; realSizeBytes: number } | undefined> {
    if (header.gnuSparse !== undefined) return await this.#oldGnuSparse(header.gnuSparse);
    if (pax.get('GNU.sparse.major')?.toString() === '1') {
      const { segments, tookBytes } = await readSegments(this.#bytes);
      if (tookBytes > this.#dataBytes)
        throw new GantryError('invalid', 'the archive is damaged: a sparse map is too long');
      this.#dataBytes -= tookBytes;
      this.#unreadBytes -= tookBytes;
      return { segments, realSizeBytes: numberFrom(pax, 'GNU.sparse.realsize', 0) };
    }
    const segments = segmentsInRecords(records);
    return segments && { segments, realSizeBytes: numberFrom(pax, 'GNU.sparse.size', 0) };
  }

  async #oldGnuSparse(
    sparse: NonNullable<RawHeader['gnuSparse']>,
  ): Promise<{ segments: SparseSegment[]; realSizeBytes: number }> {
    const segments = [...sparse.segments];
    for (let isExtended = sparse.isExtended; isExtended;) {
      const block = await this.#bytes.take(blockBytes);
      if (block === undefined || segments.length > sparseSegmentLimit)
        throw new GantryError('invalid', 'the archive is damaged: the map of a sparse file is cut off or too long');
      const more = parseSparseExtension(block);
      segments.push(...more.segments);
      isExtended = more.isExtended;
    }
    return { segments, realSizeBytes: sparse.realSizeBytes };
  }
}

function endOfStream(extensions: number): undefined {
  if (extensions > 0) throw new GantryError('invalid', 'the archive is truncated: an extended header has no entry');
  return undefined;
}

function paddingBytes(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

function untilZero(body: Buffer): ByteString {
  const end = body.indexOf(0);
  return body.toString('latin1', 0, end < 0 ? body.length : end);
}

/** Old programs mark a directory only by the slash at its end. */
function typeOf(flag: string, path: ByteString): EntryType {
  const type = types[flag];
  if (type === undefined)
    throw new GantryError('invalid', `the archive's entry ${shown(path)} has the unknown type ${JSON.stringify(flag)}`);
  return type === 'file' && path.endsWith('/') ? 'directory' : type;
}

/** Links, directories and nodes have no data, whatever their size field says, but for GNU's dumps of directories. */
function hasData(flag: string, type: EntryType): boolean {
  return type === 'file' || flag === 'D' || (type === 'directory' && flag !== '5');
}

function nameFrom(pax: ReadonlyMap<string, Buffer>, keys: readonly string[], otherwise: ByteString): ByteString {
  for (const key of keys) {
    const value = pax.get(key);
    // An empty value takes an earlier record back.
    if (value !== undefined && value.length > 0) return paxName(value, `a ${key}`);
  }
  return otherwise;
}

function numberFrom(pax: ReadonlyMap<string, Buffer>, key: string, otherwise: number): number {
  const value = pax.get(key);
  return value === undefined || value.length === 0 ? otherwise : paxNumber(value, `a ${key}`);
}

function timeFrom(pax: ReadonlyMap<string, Buffer>, key: string): bigint | undefined {
  const value = pax.get(key);
  return value === undefined || value.length === 0 ? undefined : paxTimeNs(value);
}

const xattrPrefix = 'SCHILY.xattr.';

function xattrsFrom(pax: ReadonlyMap<string, Buffer>): Map<ByteString, Buffer> {
  const xattrs = new Map<ByteString, Buffer>();
  for (const [key, value] of pax) if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), value);
  return xattrs;
}
