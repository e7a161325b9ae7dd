import { statSync } from 'node:fs';

import { GantryError } from '../base/index.ts';
import { parseBoolean } from './fileOptions.ts';

export type SyslogFormat = 'unix' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

export type SyslogAddress =
  /** The host's own syslog, wherever its socket is. */
  | { readonly transport: 'host' }
  | { readonly transport: 'unix' | 'unixgram'; readonly path: string }
  | { readonly transport: 'udp' | 'tcp' | 'tcp+tls'; readonly host: string; readonly port: number };

/** PEM files. */
export interface SyslogTls {
  readonly authorities: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly skipVerify: boolean;
}

export interface SyslogSettings {
  readonly address: SyslogAddress;
  readonly facility: number;
  readonly format: SyslogFormat;
  readonly tls: SyslogTls;
}

type Options = Readonly<Record<string, string>>;

const defaultPort = 514;
/** RFC 5424, table 1, under the names of syslog(3); the four between are reserved. */
const facilities: readonly string[] = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  '',
  '',
  '',
  '',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
];
const daemonFacility = facilities.indexOf('daemon');

function invalid(message: string): GantryError {
  return new GantryError('invalid', message);
}

/** What is checked at a container's create: address, facility and format. Throws `invalid`. */
export function checkSyslogOptions(options: Options): void {
  const { transport, ...address } = parseAddress(options['syslog-address']);
  if ((transport === 'unix' || transport === 'unixgram') && 'path' in address) refuseMissing(address.path);
  parseFacility(options['syslog-facility']);
  parseFormat(options['syslog-format']);
}

/** The options as meant; defaults are the host's syslog, the facility `daemon` and the format that local syslogs take. */
export function syslogSettings(options: Options): SyslogSettings {
  return {
    address: parseAddress(options['syslog-address']),
    facility: parseFacility(options['syslog-facility']),
    format: parseFormat(options['syslog-format']),
    tls: {
      authorities: options['syslog-tls-ca-cert'] || undefined,
      certificate: options['syslog-tls-cert'] || undefined,
      key: options['syslog-tls-key'] || undefined,
      // Docker skips it for any value but false.
      skipVerify:
        options['syslog-tls-skip-verify'] !== undefined && parseBoolean(options['syslog-tls-skip-verify']) !== false,
    },
  };
}

function refuseMissing(path: string): void {
  try {
    statSync(path);
  } catch (cause) {
    throw new GantryError('invalid', `stat ${path}: no such file or directory`, { cause });
  }
}

function parseAddress(text: string | undefined): SyslogAddress {
  if (text === undefined || text === '') return { transport: 'host' };
  const match = /^(unix|unixgram|udp|tcp|tcp\+tls):\/\/(.*)$/.exec(text);
  const [, transport, rest = ''] = match ?? [];
  if (transport === 'unix' || transport === 'unixgram') return { transport, path: rest };
  if (transport !== 'udp' && transport !== 'tcp' && transport !== 'tcp+tls') {
    throw invalid(`syslog-address should be in form proto://address, got ${text}`);
  }
  const [, host = '', port] = /^(\[[^\]]*\]|[^:/]*)(?::(\d{0,5}))?\/?$/.exec(rest) ?? [];
  if (Number(port ?? 0) > 65_535 || (host === '' && rest !== '' && port === undefined)) {
    throw invalid(`syslog-address should be in form proto://address, got ${text}`);
  }
  return {
    transport,
    host: host.replaceAll(/[[\]]/g, '') || 'localhost',
    port: port ? Number(port) : defaultPort,
  };
}

function parseFacility(text: string | undefined): number {
  if (text === undefined || text === '') return daemonFacility;
  const number = facilities.indexOf(text);
  if (number >= 0) return number;
  if (/^\d{1,2}$/.test(text) && Number(text) < facilities.length) return Number(text);
  throw invalid('invalid syslog facility');
}

function parseFormat(text: string | undefined): SyslogFormat {
  switch (text) {
    case undefined:
    case '':
      return 'unix';
    case 'rfc3164':
    case 'rfc5424':
    case 'rfc5424micro':
      return text;
    default:
      throw invalid('Invalid syslog format');
  }
}
