/**
 * The format of the driver `local`, ours alone: each line is the stream (`o` or `e`, capital for a partial entry), the time as 16
 * hexadecimal digits of nanoseconds since the epoch, a space, and the text just as the container wrote it, not necessarily UTF-8.
 */
import type { FileFormat, LineDecoder } from './fileFormat.ts';
import { toScratch } from './scratch.ts';
import type { CutOutput, LogEntry, LogStream } from './types.ts';

export const localFormat: FileFormat = {
  encoder: () => encode,
  lineDecoder: () => new LocalLineDecoder(),
};

const timeDigits = 16;
const headBytes = 1 + timeDigits + 1;
const space = 0x20;

const kinds: ReadonlyMap<number, { readonly stream: LogStream; readonly partial: boolean }> = new Map([
  [0x6f, { stream: 'stdout', partial: false }],
  [0x4f, { stream: 'stdout', partial: true }],
  [0x65, { stream: 'stderr', partial: false }],
  [0x45, { stream: 'stderr', partial: true }],
]);

function encode({ stream, data, isPartial, timeNs }: CutOutput): Buffer {
  const letter = stream === 'stdout' ? 'o' : 'e';
  const time = timeNs.toString(16).padStart(timeDigits, '0');
  const head = `${isPartial ? letter.toUpperCase() : letter}${time} `;
  const text = data.toString('latin1', 0, isPartial ? data.length : data.length - 1);
  return toScratch([head, text.replaceAll('\n', `\n${head}`), '\n'], 'latin1');
}

class LocalLineDecoder implements LineDecoder {
  #timeText = '';
  #timeNs = 0n;

  decode(bytes: Buffer, start: number, end: number): LogEntry | undefined {
    const kind = kinds.get(bytes[start] ?? 0);
    if (kind === undefined || end - start < headBytes || bytes[start + headBytes - 1] !== space) return undefined;
    const timeText = bytes.toString('latin1', start + 1, start + headBytes - 1);
    if (timeText !== this.#timeText && !this.#takeTime(timeText)) return undefined;
    const data = bytes.subarray(start + headBytes, kind.partial ? end : end + 1);
    return { stream: kind.stream, data, timeNs: this.#timeNs, partial: kind.partial };
  }

  #takeTime(text: string): boolean {
    if (!/^[\da-f]{16}$/.test(text)) return false;
    this.#timeText = text;
    this.#timeNs = BigInt(`0x${text}`);
    return true;
  }
}
