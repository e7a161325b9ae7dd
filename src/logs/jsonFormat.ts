/**
 * Docker's json-file format: `{"log":"text\n","stream":"stdout","attrs":{...},"time":"..."}`, one a line. Written for
 * throughput: text that needs no escaping, which most is, is encoded a whole run at a time, and decoded without parsing.
 */
import { isAscii } from 'node:buffer';

import { formatTime, parseRfc3339 } from '../base/index.ts';
import type { FileFormat, LineDecoder } from './fileFormat.ts';
import { isPlainText } from './plainText.ts';
import { toScratch } from './scratch.ts';
import type { CutOutput, LogEntry, LogStream } from './types.ts';
import { unescapeInPlace } from './unescape.ts';

export const jsonFormat: FileFormat = {
  encoder(attributes) {
    const names = Object.keys(attributes).sort();
    const sorted = Object.fromEntries(names.map((name) => [name, attributes[name]]));
    const attributesText = names.length === 0 ? '' : `"attrs":${JSON.stringify(sorted)},`;
    return ({ stream, data, isPartial, timeNs }: CutOutput) => {
      const tail = `,"stream":"${stream}",${attributesText}"time":"${formatTime(timeNs)}"}\n`;
      return isPartial ? encodePartial(data, tail) : encodeLines(data, tail);
    };
  },
  lineDecoder: () => new JsonLineDecoder(),
};

const notAscii = /[^\0-\x7f]/;
const head = '{"log":"';

/** The end of a string of an array and the beginning of the next: a quote within one has an odd number of backslashes in front. */
const betweenStrings = /(?<=(?<!\\)(?:\\\\)*)","/;

function encodeLines(bytes: Buffer, tail: string): Buffer {
  const text = bytes.subarray(0, -1);
  const joint = `\\n"${tail}${head}`;
  // Attributes may be anything.
  const charset = notAscii.test(tail) ? 'utf8' : 'latin1';
  const last = `\\n"${tail}`;
  if (isPlainText(text)) {
    // A dollar sign is special in a replacement.
    return toScratch([head, text.toString('latin1').replaceAll('\n', joint.replaceAll('$', '$$$$')), last], charset);
  }
  const isText = isAscii(text);
  const lines = text.toString(isText ? 'latin1' : 'utf8').split('\n');
  const strings = JSON.stringify(lines).slice(2, -2);
  // A pattern takes its time, and few texts need it.
  const escaped = strings.split(strings.includes('\\","') ? betweenStrings : '","').join(joint);
  return toScratch([head, escaped, last], isText ? charset : 'utf8');
}

function encodePartial(bytes: Buffer, tail: string): Buffer {
  return toScratch([`{"log":${JSON.stringify(bytes.toString())}`, tail], 'utf8');
}

const lineFeed = 10;
const backslash = 0x5c;

interface Ending {
  readonly bytes: Buffer;
  readonly stream: LogStream;
  readonly time: string;
  readonly timeNs: bigint;
  readonly attributes: Readonly<Record<string, string>> | undefined;
}

class JsonLineDecoder implements LineDecoder {
  /** What our writer puts behind the text; lines written at one go share it. */
  #ending: Ending = { bytes: Buffer.alloc(1), stream: 'stdout', time: '', timeNs: 0n, attributes: undefined };

  decode(bytes: Buffer, start: number, end: number): LogEntry | undefined {
    return this.#plain(bytes, start, end) ?? this.#parsed(bytes, start, end);
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
    return withAttributes({ stream: ending.stream, data, timeNs: ending.timeNs, partial: false }, ending.attributes);
  }

  #parsed(bytes: Buffer, start: number, end: number): LogEntry | undefined {
    const text = bytes.toString('utf8', start, end);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (typeof value !== 'object' || value === null) return undefined;
    const { log = '', stream, time, attrs } = value as Record<string, unknown>;
    if (typeof log !== 'string' || typeof time !== 'string') return undefined;
    if (stream !== 'stdout' && stream !== 'stderr') return undefined;
    const timeNs = time === this.#ending.time ? this.#ending.timeNs : parseRfc3339(time);
    if (timeNs === undefined) return undefined;
    const attributes = isStringRecord(attrs) ? attrs : undefined;
    this.#expect(text, { stream, time, timeNs, attributes });
    const partial = !log.endsWith('\n');
    return withAttributes({ stream, data: Buffer.from(log), timeNs, partial }, attributes);
  }

  #expect(line: string, ending: Omit<Ending, 'bytes'>): void {
    const { stream, time, attributes } = ending;
    const attributesText = attributes === undefined ? '' : `"attrs":${JSON.stringify(attributes)},`;
    const text = `\\n","stream":"${stream}",${attributesText}"time":"${time}"}`;
    if (line.endsWith(text)) this.#ending = { ...ending, bytes: Buffer.from(text) };
  }
}

function withAttributes(entry: LogEntry, attributes: LogEntry['attributes'] | undefined): LogEntry {
  return attributes === undefined ? entry : { ...entry, attributes };
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
