/** Encodes tar headers: ustar, with a pax extended header in front where ustar cannot say it. */
import { GantryError } from '../errors.ts';
import { blockBytes, bytesOf, shown, type ByteString, type EntryType, type TarEntry } from './entry.ts';

/** What the writer needs to know of an entry; sparse files are written in full. */
export type WritableEntry = Omit<TarEntry, 'sparse' | 'atimeNs'>;

const typeFlags: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
};

const zeros = Buffer.alloc(blockBytes);
const nanoseconds = 1_000_000_000n;
const numberLimit = 0o7777777;
const sizeLimit = 0o77777777777;

/** The zero blocks that end an archive. */
export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * blockBytes);
}

/** Zeros that fill the last block of a member with `sizeBytes` of data; not to be written to. */
export function paddingOf(sizeBytes: number): Buffer {
  return zeros.subarray(0, (blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** All header blocks of `entry`, pax ones included; its data and padding follow. Throws `invalid` for what cannot be written. */
export function encodeHeader(entry: WritableEntry): Buffer {
  if (`${entry.path}${entry.linkPath}`.includes('\0'))
    throw new GantryError('invalid', `the name ${shown(entry.path)} holds a zero byte`);
  const records = paxRecords(entry);
  const header = ustarHeader(entry, typeFlags[entry.type]);
  if (records.length === 0) return header;
  const body = Buffer.concat(records);
  const pax = ustarHeader(
    { ...entry, path: 'PaxHeaders/entry', linkPath: '', mode: 0o644, sizeBytes: body.length },
    'x',
  );
  return Buffer.concat([pax, body, paddingOf(body.length), header]);
}

function paxRecords(entry: WritableEntry): Buffer[] {
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | string): void => void records.push(paxRecord(key, value));
  if (splitPath(entry.path) === undefined) add('path', bytesOf(entry.path));
  if (!fitsName(entry.linkPath)) add('linkpath', bytesOf(entry.linkPath));
  if (entry.sizeBytes > sizeLimit) add('size', String(entry.sizeBytes));
  if (entry.uid > numberLimit) add('uid', String(entry.uid));
  if (entry.gid > numberLimit) add('gid', String(entry.gid));
  if (!fitsTime(entry.mtimeNs)) add('mtime', decimalTime(entry.mtimeNs));
  for (const [name, value] of entry.xattrs) {
    if (name.includes('='))
      throw new GantryError('invalid', `attribute ${shown(name)} cannot be written to a tar archive`);
    add(`SCHILY.xattr.${name}`, value);
  }
  return records;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function paxRecord(key: ByteString, value: Buffer | string): Buffer {
  const body = Buffer.concat([bytesOf(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function fitsTime(timeNs: bigint): boolean {
  return timeNs >= 0n && timeNs % nanoseconds === 0n && timeNs / nanoseconds <= BigInt(sizeLimit);
}

/** Seconds with nine decimals; the fraction of a negative time counts towards zero, as pax has it. */
function decimalTime(timeNs: bigint): string {
  const magnitude = timeNs < 0n ? -timeNs : timeNs;
  const fraction = String(magnitude % nanoseconds).padStart(9, '0');
  return `${timeNs < 0n ? '-' : ''}${magnitude / nanoseconds}.${fraction}`;
}

function isAscii(text: ByteString): boolean {
  return Buffer.byteLength(text) === text.length;
}

function fitsName(path: ByteString): boolean {
  return path.length <= 100 && isAscii(path);
}

/** Splits a path into ustar's prefix (155 bytes) and name (100 bytes); undefined when it does not fit or is not ASCII. */
function splitPath(path: ByteString): { prefix: string; name: string } | undefined {
  if (fitsName(path)) return { prefix: '', name: path };
  if (!isAscii(path) || path.length > 256) return undefined;
  const at = path.indexOf('/', path.length - 101);
  if (at < 1 || at > 155 || at === path.length - 1) return undefined;
  return { prefix: path.slice(0, at), name: path.slice(at + 1) };
}

function ustarHeader(entry: WritableEntry, flag: string): Buffer {
  // From the pool: thousands of buffers of their own would keep the collector busy.
  const block = Buffer.allocUnsafe(blockBytes).fill(0);
  const { prefix, name } = splitPath(entry.path) ?? { prefix: '', name: entry.path.slice(0, 100) };
  block.write(name, 0, 100, 'latin1');
  writeOctal(block, 100, 8, entry.mode & 0o7777);
  writeOctal(block, 108, 8, Math.min(entry.uid, numberLimit));
  writeOctal(block, 116, 8, Math.min(entry.gid, numberLimit));
  writeOctal(block, 124, 12, Math.min(entry.sizeBytes, sizeLimit));
  writeOctal(block, 136, 12, clampedSeconds(entry.mtimeNs));
  block.write(flag, 156, 'latin1');
  block.write(entry.linkPath.slice(0, 100), 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, 329, 8, entry.deviceMajor);
  writeOctal(block, 337, 8, entry.deviceMinor);
  block.write(prefix, 345, 155, 'latin1');
  block.fill(' ', 148, 156);
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += block[at] ?? 0;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function writeOctal(block: Buffer, at: number, width: number, value: number): void {
  const digits = value.toString(8);
  if (!Number.isSafeInteger(value) || value < 0 || digits.length >= width)
    throw new GantryError('invalid', `the number ${value} does not fit into a tar header`);
  block.write(digits.padStart(width - 1, '0'), at, 'latin1');
}

function clampedSeconds(timeNs: bigint): number {
  const seconds = timeNs / nanoseconds;
  return seconds < 0n ? 0 : Math.min(Number(seconds), sizeLimit);
}
