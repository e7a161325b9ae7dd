import { hostname } from 'node:os';

import { linesOf } from './lineCutter.ts';
import { connectSyslog, type SyslogConnection } from './syslogConnection.ts';
import { syslogMessage, type SyslogSender } from './syslogFormat.ts';
import type { SyslogSettings } from './syslogOptions.ts';
import type { CutOutput, LogSink } from './types.ts';

/** Connects to a syslog server. Rejects when it is not there. */
export async function openSyslogSink(settings: SyslogSettings, tag: string): Promise<LogSink> {
  const connection = await connectSyslog(settings);
  const counted = settings.address.transport === 'tcp+tls' && settings.format.startsWith('rfc5424');
  const { format, facility } = settings;
  const sender = { format, facility, tag, hostName: hostname(), pid: process.pid, counted };
  return new SyslogSink(settings, sender, connection);
}

/** One message a line, in order. When the connection has failed it is made anew, once for what is in hand; what fails then is lost. */
class SyslogSink implements LogSink {
  readonly #settings: SyslogSettings;
  readonly #sender: SyslogSender;
  #connection: SyslogConnection | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(settings: SyslogSettings, sender: SyslogSender, connection: SyslogConnection) {
    this.#settings = settings;
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
    let reconnects = 1;
    for (const text of isPartial ? [data] : linesOf(data)) {
      // As Docker: an empty line is no message.
      if (text.length === 0) continue;
      const message = syslogMessage(this.#sender, { stream, text, timeNs });
      try {
        this.#connection ??= await connectSyslog(this.#settings);
        await this.#connection.send(message);
      } catch (error) {
        this.#connection = undefined;
        if (reconnects-- <= 0) throw error;
        this.#connection = await connectSyslog(this.#settings);
        await this.#connection.send(message);
      }
    }
  }
}
