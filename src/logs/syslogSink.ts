import { hostname } from 'node:os';

import { linesOf } from './lineCutter.ts';
import { connectSyslog, type SyslogConnection } from './syslogConnection.ts';
import { syslogMessage, type SyslogSender } from './syslogFormat.ts';
import { Outage, StalledError } from './outage.ts';
import type { SyslogSettings } from './syslogOptions.ts';
import type { CutOutput, LogSink } from './types.ts';

export interface SyslogSession {
  readonly tag: string;
  /** A server that takes nothing for so long is taken for gone. */
  readonly patienceMs: number;
  /** Whether a server that is not there now may come later. */
  readonly resumes: boolean;
}

/** Connects to a syslog server. Rejects when it is not there, unless the session resumes. */
export async function openSyslogSink(
  settings: SyslogSettings,
  { tag, patienceMs, resumes }: SyslogSession,
): Promise<LogSink> {
  const connect = (): Promise<SyslogConnection> => connectSyslog(settings, patienceMs);
  const connection = resumes ? undefined : await connect();
  const counted = settings.address.transport === 'tcp+tls' && settings.format.startsWith('rfc5424');
  const { format, facility } = settings;
  const sender = { format, facility, tag, hostName: hostname(), pid: process.pid, counted };
  return new SyslogSink(connect, sender, connection);
}

/** One message a line, in order. When the connection has failed it is made anew, once for what is in hand; what fails then is lost. */
class SyslogSink implements LogSink {
  readonly #connect: () => Promise<SyslogConnection>;
  readonly #outage = new Outage();
  readonly #sender: SyslogSender;
  #connection: SyslogConnection | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    connect: () => Promise<SyslogConnection>,
    sender: SyslogSender,
    connection: SyslogConnection | undefined,
  ) {
    this.#connect = connect;
    this.#sender = sender;
    this.#connection = connection;
  }

  accept(output: CutOutput): Promise<void> {
    const sent = this.#last.then(() => this.#send(output));
    this.#last = sent.catch(() => {});
    return sent;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#connection?.close();
  }

  async #send({ stream, data, isPartial, timeNs }: CutOutput): Promise<void> {
    for (const text of isPartial ? [data] : linesOf(data)) {
      // As Docker: an empty line is no message.
      if (text.length === 0 || this.#outage.isOn) continue;
      try {
        await this.#deliver(syslogMessage(this.#sender, { stream, text, timeNs }));
      } catch (error) {
        await this.#disconnect();
        this.#outage.begin();
        throw error;
      }
    }
  }

  async #deliver(message: Buffer): Promise<void> {
    try {
      this.#connection ??= await this.#connect();
      await this.#connection.send(message);
    } catch (error) {
      if (error instanceof StalledError) throw error;
      await this.#disconnect();
      this.#connection = await this.#connect();
      await this.#connection.send(message);
    }
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }
}
