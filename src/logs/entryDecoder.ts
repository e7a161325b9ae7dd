import { parseRfc3339 } from '../base/index.ts';
import type { LogEntry } from './types.ts';
import { unescapeInPlace } from './unescape.ts';

const lineFeed = 10;
const backslash = 0x5c;
/** No line that is ours is longer; what is, is damage, and is skipped up to the next line feed. */
const longestEncodedBytes = 1 << 20;
const head = '{"log":"';

interface Ending {
  readonly bytes: Buffer;
  readonly stream: 'stdout' | 'stderr';
  readonly time: string;
  readonly timeNs: bigint;
}

/**
 * Lines of the json-file format to entries. Lines that are none (a torn one after a crash) are skipped. The blocks given are
 * changed and entries are views into them: hand them over and do not use them again.
 */
export class EntryDecoder {
  #carry: Buffer | undefined;
  #skipping = false;
  /** What our writer puts behind the text; lines written at one go share it. */
  #ending: Ending = { bytes: Buffer.alloc(1), stream: 'stdout', time: '', timeNs: 0n };

  /** The entries that `block` completes. */
  push(block: Buffer): LogEntry[] {
    const bytes = this.#carry === undefined ? block : Buffer.concat([this.#carry, block]);
    this.#carry = undefined;
    const entries: LogEntry[] = [];
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
      const entry = this.#skipping ? undefined : (this.#plain(bytes, start, end) ?? this.#parsed(bytes, start, end));
      this.#skipping = false;
      if (entry !== undefined) entries.push(entry);
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return entries;
  }

  /** Forgets an unfinished line: what follows is another file. */
  reset(): void {
    this.#carry = undefined;
    this.#skipping = false;
  }

  #keep(rest: Buffer): void {
    if (this.#skipping || rest.length > longestEncodedBytes) this.#skipping = true;
    else this.#carry = rest;
  }

  /** Most lines: what follows their text is what followed it in the line before. */
  #plain(bytes: Buffer, start: number, end: number): LogEntry | undefined {
    const ending = this.#ending;
    const textEnd = end - ending.bytes.length;
    const textStart = start + head.length;
    if (textEnd < textStart || bytes.compare(ending.bytes, 0, ending.bytes.length, textEnd, end) !== 0)
      return undefined;
    if (bytes[start + 2] !== 0x6c || endsInEscape(bytes, textStart, textEnd)) return undefined;
    const escape = bytes.indexOf(backslash, textStart);
    const feed = escape === textEnd ? textEnd : unescapeInPlace(bytes, escape, textEnd);
    bytes[feed] = lineFeed;
    const data = bytes.subarray(textStart, feed + 1);
    return { stream: ending.stream, data, timeNs: ending.timeNs, partial: false };
  }

  #parsed(bytes: Buffer, start: number, end: number): LogEntry | undefined {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8', start, end));
    } catch {
      return undefined;
    }
    if (typeof value !== 'object' || value === null) return undefined;
    const { log = '', stream, time, attrs } = value as Record<string, unknown>;
    if (typeof log !== 'string' || typeof time !== 'string') return undefined;
    if (stream !== 'stdout' && stream !== 'stderr') return undefined;
    const timeNs = time === this.#ending.time ? this.#ending.timeNs : parseRfc3339(time);
    if (timeNs === undefined) return undefined;
    const entry = { stream, data: Buffer.from(log), timeNs, partial: !log.endsWith('\n') } as const;
    if (isStringRecord(attrs)) return { ...entry, attributes: attrs };
    if (attrs === undefined) this.#expect(stream, time, timeNs);
    return entry;
  }

  #expect(stream: 'stdout' | 'stderr', time: string, timeNs: bigint): void {
    this.#ending = { bytes: Buffer.from(`\\n","stream":"${stream}","time":"${time}"}`), stream, time, timeNs };
  }
}

/** Whether the backslash at `end` is itself escaped, so that it does not begin a line feed's escape. */
function endsInEscape(bytes: Buffer, start: number, end: number): boolean {
  let at = end;
  while (at > start && bytes[at - 1] === backslash) at--;
  return (end - at) % 2 === 1;
}

function isStringRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => typeof one === 'string');
}
