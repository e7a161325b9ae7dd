/**
 * The host's journal, in its native protocol: one datagram an entry, `NAME=value` lines, or the name, a line feed, the value's
 * length as 64 bits and the value where that holds a line feed itself. See systemd's "Native Journal Protocol".
 */
import { randomBytes } from 'node:crypto';

import { formatTime } from '../base/index.ts';
import { openUnixDatagrams, type UnixDatagrams } from '../linux/index.ts';
import { linesOf } from './lineCutter.ts';
import { Outage } from './outage.ts';
import { sendPatiently } from './patience.ts';
import type { CutOutput, LogSink, LogStream, LogSubject } from './types.ts';

export const journalSocket = '/run/systemd/journal/socket';

const priorityError = '3';
const priorityInformation = '6';
const lineFeed = 10;
const shortIdLength = 12;

export interface JournalOptions {
  readonly socket: string;
  readonly subject: LogSubject;
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** A journal that takes nothing for so long is taken for gone. */
  readonly patienceMs: number;
  /** Whether a journal that is not there now may come later. */
  readonly resumes: boolean;
}

/** Throws when the host has no journal. */
export function openJournaldSink(options: JournalOptions): LogSink {
  const socket = openUnixDatagrams(options.socket);
  try {
    if (!options.resumes) socket.probe();
  } catch (cause) {
    socket.close();
    throw new Error('journald is not enabled on this host', { cause });
  }
  return new JournaldSink(socket, fixedFields(options), options.patienceMs);
}

function fixedFields({ subject, tag, attributes }: JournalOptions): Buffer {
  const own = {
    CONTAINER_ID: subject.id.slice(0, shortIdLength),
    CONTAINER_ID_FULL: subject.id,
    CONTAINER_NAME: subject.name,
    CONTAINER_TAG: tag,
    IMAGE_NAME: subject.imageName,
    SYSLOG_IDENTIFIER: tag,
  };
  const named = Object.entries(attributes).map(([name, value]) => [fieldName(name), value] as const);
  const fields = new Map([...named.filter(([name]) => name !== ''), ...Object.entries(own)]);
  return Buffer.concat([...fields].map(([name, value]) => journalField(name, Buffer.from(value))));
}

/** Capital letters, digits and underscores, not beginning with one: what the journal takes. */
export function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')
    .replace(/^_+/, '');
}

export function journalField(name: string, value: Buffer): Buffer {
  if (!value.includes(lineFeed)) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
}

/** A line that is longer than an entry may be, and so comes in parts. */
interface LongLine {
  readonly id: string;
  ordinal: number;
}

class JournaldSink implements LogSink {
  readonly #socket: UnixDatagrams;
  readonly #fixed: Buffer;
  readonly #patienceMs: number;
  readonly #outage = new Outage();
  readonly #long: Record<LogStream, LongLine | undefined> = { stdout: undefined, stderr: undefined };
  #last: Promise<void> = Promise.resolve();

  constructor(socket: UnixDatagrams, fixed: Buffer, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#socket = socket;
    this.#fixed = fixed;
  }

  accept(output: CutOutput): Promise<void> {
    const sent = this.#last.then(() => this.#send(output));
    this.#last = sent.catch(() => {});
    return sent;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#socket.close();
  }

  async #send({ stream, data, isPartial, timeNs }: CutOutput): Promise<void> {
    const stamp = formatTime(timeNs);
    for (const text of isPartial ? [data] : linesOf(data)) {
      const fields = [
        journalField('PRIORITY', Buffer.from(stream === 'stderr' ? priorityError : priorityInformation)),
        journalField('MESSAGE', text),
        journalField('SYSLOG_TIMESTAMP', Buffer.from(stamp)),
        ...this.#partFields(stream, isPartial),
        this.#fixed,
      ];
      if (!this.#outage.isOn) await this.#deliver(Buffer.concat(fields));
    }
  }

  async #deliver(entry: Buffer): Promise<void> {
    try {
      await sendPatiently(this.#socket, entry, this.#patienceMs);
    } catch (error) {
      this.#outage.begin();
      throw error;
    }
  }

  #partFields(stream: LogStream, isPartial: boolean): Buffer[] {
    const line = this.#long[stream] ?? (isPartial ? { id: randomBytes(32).toString('hex'), ordinal: 0 } : undefined);
    if (line === undefined) return [];
    line.ordinal++;
    this.#long[stream] = isPartial ? line : undefined;
    const fields = {
      CONTAINER_PARTIAL_ID: line.id,
      CONTAINER_PARTIAL_ORDINAL: String(line.ordinal),
      CONTAINER_PARTIAL_LAST: String(!isPartial),
      ...(isPartial ? { CONTAINER_PARTIAL_MESSAGE: 'true' } : {}),
    };
    return Object.entries(fields).map(([name, value]) => journalField(name, Buffer.from(value)));
  }
}
