/** Maps of sparse files in GNU's pax formats (GNU tar's manual, "Storing Sparse Files"). */
import { GantryError } from '../errors.ts';
import { blockBytes, type SparseSegment } from './entry.ts';
import type { ByteReader } from './byteReader.ts';
import { paxNumber, type PaxRecord } from './pax.ts';

const mapLimitBytes = 1024 * 1024;

/** Formats 0.0 (repeated GNU.sparse.offset and .numbytes) and 0.1 (GNU.sparse.map); undefined when there is neither. */
export function segmentsInRecords(records: readonly PaxRecord[]): SparseSegment[] | undefined {
  const map = records.findLast((record) => record.key === 'GNU.sparse.map');
  if (map !== undefined)
    return pairs(
      map.value
        .toString('latin1')
        .split(',')
        .filter((text) => text !== ''),
    );
  const numbers = records
    .filter((record) => record.key === 'GNU.sparse.offset' || record.key === 'GNU.sparse.numbytes')
    .map((record) => record.value.toString('latin1'));
  return numbers.length === 0 ? undefined : pairs(numbers);
}

/** Format 1.0: decimal lines in front of the data, padded to whole blocks. Says how many bytes they took. */
export async function readSegments(reader: ByteReader): Promise<{ segments: SparseSegment[]; tookBytes: number }> {
  const lines: string[] = [''];
  let tookBytes = 0;
  while (lines.length < 2 || lines.length < 2 + 2 * paxNumber(lines[0] ?? '', 'a sparse map')) {
    const block = await reader.take(blockBytes);
    if (block === undefined || tookBytes >= mapLimitBytes) throw damaged('is cut off or too long');
    tookBytes += block.length;
    const [rest = '', ...more] = block.toString('latin1').split('\n');
    lines.push(`${lines.pop()}${rest}`, ...more);
  }
  const [count = '', ...numbers] = lines;
  return { segments: pairs(numbers.slice(0, 2 * paxNumber(count, 'a sparse map'))), tookBytes };
}

/** Throws `invalid` unless the segments are in order, apart, within the file, and as long together as what is stored. */
export function verifySegments(segments: readonly SparseSegment[], realSizeBytes: number, storedBytes: number): void {
  let end = 0;
  let sum = 0;
  for (const { offsetBytes, sizeBytes } of segments) {
    if (offsetBytes < end || sizeBytes < 0 || offsetBytes + sizeBytes > realSizeBytes) throw damaged('is out of order');
    end = offsetBytes + sizeBytes;
    sum += sizeBytes;
  }
  if (sum !== storedBytes) throw damaged('does not match its data');
}

function pairs(numbers: readonly string[]): SparseSegment[] {
  if (numbers.length % 2 !== 0) throw damaged('is cut off');
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offsetBytes: paxNumber(numbers[2 * index] ?? '', 'a sparse map'),
    sizeBytes: paxNumber(numbers[2 * index + 1] ?? '', 'a sparse map'),
  }));
}

function damaged(how: string): GantryError {
  return new GantryError('invalid', `the archive is damaged: the map of a sparse file ${how}`);
}
