/** Decodes one 512-byte header block: v7, ustar, GNU and star (POSIX.1-2017 "ustar Interchange Format"; GNU tar, tar.h). */
import { GantryError } from '../errors.ts';
import { blockBytes, type ByteString, type SparseSegment } from './entry.ts';

/** A header block as typed, before extended headers are applied. */
export interface RawHeader {
  readonly path: ByteString;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly linkPath: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Old GNU sparse files (flag `S`): the first segments, and whether a block with more follows. */
  readonly gnuSparse:
    | { readonly segments: SparseSegment[]; readonly realSizeBytes: number; readonly isExtended: boolean }
    | undefined;
}

const zeroBlock = Buffer.alloc(blockBytes);

type Format = 'v7' | 'ustar' | 'star' | 'gnu';

/** Whether a block is all zeros: the end mark. */
export function isZeroBlock(block: Buffer): boolean {
  return block.equals(zeroBlock);
}

/** Throws `invalid` for a wrong checksum or a field that is no number. */
export function parseHeader(block: Buffer): RawHeader {
  verifyChecksum(block);
  const format = formatOf(block);
  const flag = String.fromCharCode(block[156] ?? 0);
  return {
    path: pathOf(block, format),
    flag,
    mode: numberAt(block, 100, 8, 'mode') & 0o7777,
    uid: numberAt(block, 108, 8, 'owner'),
    gid: numberAt(block, 116, 8, 'group'),
    sizeBytes: unsigned(numberAt(block, 124, 12, 'size'), 'size'),
    mtimeSeconds: numberAt(block, 136, 12, 'time'),
    linkPath: textAt(block, 157, 100),
    deviceMajor: format === 'v7' ? 0 : numberAt(block, 329, 8, 'device'),
    deviceMinor: format === 'v7' ? 0 : numberAt(block, 337, 8, 'device'),
    gnuSparse: flag === 'S' ? gnuSparseOf(block) : undefined,
  };
}

/** An extension block of an old GNU sparse header. */
export function parseSparseExtension(block: Buffer): { segments: SparseSegment[]; isExtended: boolean } {
  return { segments: segmentsAt(block, 0, 21), isExtended: block[504] !== 0 };
}

/** The sum of all bytes, with the checksum's own as spaces; old programs took bytes as signed. */
function verifyChecksum(block: Buffer): void {
  let unsignedSum = 0;
  let signedSum = 0;
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 32 : (block[at] ?? 0);
    unsignedSum += byte;
    signedSum += byte > 127 ? byte - 256 : byte;
  }
  const told = numberAt(block, 148, 8, 'checksum');
  if (told !== unsignedSum && told !== signedSum)
    throw new GantryError('invalid', 'the archive is damaged: a header has a wrong checksum');
}

function formatOf(block: Buffer): Format {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar';
}

function pathOf(block: Buffer, format: Format): ByteString {
  const name = textAt(block, 0, 100);
  if (format !== 'ustar' && format !== 'star') return name;
  const prefix = textAt(block, 345, format === 'star' ? 131 : 155);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textAt(block: Buffer, at: number, width: number): ByteString {
  const end = block.indexOf(0, at);
  return block.toString('latin1', at, end < 0 ? at + width : Math.min(end, at + width));
}

/** Octal digits between spaces and zeros, or a big-endian two's complement number when the first bit is set (GNU base-256). */
export function numberAt(block: Buffer, at: number, width: number, what: string): number {
  const first = block[at] ?? 0;
  if (first & 0x80) return base256(block.subarray(at, at + width), what);
  const text = textAt(block, at, width).trim();
  if (text === '') return 0;
  const value = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  return safe(value, what);
}

function base256(field: Buffer, what: string): number {
  let value = BigInt((field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  return safe(Number(BigInt.asIntN(field.length * 8 - 1, value)), what);
}

function safe(value: number, what: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw new GantryError('invalid', `the archive is damaged: a header's ${what} is no usable number`);
}

function unsigned(value: number, what: string): number {
  if (value >= 0) return value;
  throw new GantryError('invalid', `the archive is damaged: a header's ${what} is negative`);
}

function gnuSparseOf(block: Buffer): RawHeader['gnuSparse'] {
  return {
    segments: segmentsAt(block, 386, 4),
    isExtended: block[482] !== 0,
    realSizeBytes: unsigned(numberAt(block, 483, 12, 'size'), 'size'),
  };
}

/** Up to `count` pairs of offset and length; an empty offset field ends them. */
function segmentsAt(block: Buffer, start: number, count: number): SparseSegment[] {
  const segments: SparseSegment[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24)
    segments.push({
      offsetBytes: numberAt(block, at, 12, 'sparse map'),
      sizeBytes: numberAt(block, at + 12, 12, 'sparse map'),
    });
  return segments;
}
