/** Messages for a syslog server: RFC 3164 with and without the host's name, RFC 5424. Pure. */
import { formatFixedNano } from '../base/index.ts';
import type { SyslogFormat } from './syslogOptions.ts';

export interface SyslogSender {
  readonly format: SyslogFormat;
  readonly facility: number;
  readonly tag: string;
  readonly hostName: string;
  readonly pid: number;
  /** Each message begins with its length (RFC 5425, 4.3), as RFC 5424 over TLS wants it. */
  readonly counted: boolean;
}

const severityError = 3;
const severityInformation = 6;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** One line of output as one message; it ends with a line feed, which is what separates messages in a stream. */
export function syslogMessage(
  sender: SyslogSender,
  line: { readonly stream: 'stdout' | 'stderr'; readonly text: Uint8Array; readonly timeNs: bigint },
): Buffer {
  const severity = line.stream === 'stderr' ? severityError : severityInformation;
  const head = `<${sender.facility * 8 + severity}>${headOf(sender, line.timeNs)}`;
  const message = Buffer.concat([Buffer.from(head), line.text, Buffer.from('\n')]);
  return sender.counted ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
}

function headOf({ format, tag, hostName, pid }: SyslogSender, timeNs: bigint): string {
  switch (format) {
    case 'unix':
      return `${stamp(timeNs)} ${tag}[${pid}]: `;
    case 'rfc3164':
      return `${stamp(timeNs)} ${hostName} ${tag}[${pid}]: `;
    case 'rfc5424':
      return `1 ${rfc3339(timeNs, 0)} ${hostName} ${tag} ${pid} ${tag} - `;
    default:
      return `1 ${rfc3339(timeNs, 7)} ${hostName} ${tag} ${pid} ${tag} - `;
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `Nov  2 03:04:05`, in local time. */
function stamp(timeNs: bigint): string {
  const at = new Date(Number(timeNs / 1_000_000n));
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  return `${months[at.getMonth()] ?? ''} ${String(at.getDate()).padStart(2)} ${clock}`;
}

/** In UTC, with the point and that many characters after the seconds. */
function rfc3339(timeNs: bigint, fractionCharacters: number): string {
  return `${formatFixedNano(timeNs).slice(0, 19 + fractionCharacters)}Z`;
}
