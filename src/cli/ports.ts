/** Published and exposed ports, as -p, -P and --expose spell them. */
import { isIP } from 'node:net';

import { cut } from './containerValues.ts';

/** The two maps of the create request. Keys are `port/protocol`, sorted. */
export interface PortSettings {
  readonly exposed: Record<string, Record<string, never>>;
  readonly bindings: Record<string, { HostIp: string; HostPort: string }[]>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

const protocols = new Set(['tcp', 'udp', 'sctp']);

function readPort(text: string): number {
  const quoted = JSON.stringify(text);
  if (!/^\d+$/.test(text)) throw new Error(`strconv.ParseUint: parsing ${quoted}: invalid syntax`);
  if (Number(text) > 65535) throw new Error(`strconv.ParseUint: parsing ${quoted}: value out of range`);
  return Number(text);
}

function readRange(text: string): Range {
  if (text === '') throw new Error('empty string specified for ports');
  const [from, to] = cut(text, '-');
  const first = readPort(from);
  const last = to === undefined ? first : readPort(to);
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return { first, last };
}

function rangeOr(text: string, problem: string): Range {
  try {
    return readRange(text);
  } catch (cause) {
    throw new Error(`${problem}: ${text}`, { cause });
  }
}

/** `[ip:][host:]container` by its colons; an IPv6 address has more of them. */
function splitParts(text: string): [address: string, host: string, container: string] {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  return [parts.join(':'), host, container];
}

function readAddress(text: string): string {
  const address = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (address !== '' && isIP(address) === 0) throw new Error(`invalid IP address: ${text}`);
  return address;
}

/** `published=80,target=8080,protocol=udp` in the short form. */
function shortForm(text: string): string {
  if (!text.includes('=')) return text;
  const fields: Record<string, string> = { protocol: 'tcp', published: '', target: '' };
  for (const field of text.split(',')) {
    const [key, value] = cut(field, '=');
    if (value === undefined || key === '')
      throw new Error(`invalid publish opts format (should be name=value but got '${field}')`);
    fields[key.toLowerCase()] = value;
  }
  return `${fields['published']}:${fields['target']}/${fields['protocol']}`;
}

function publish(text: string, settings: PortSettings): void {
  const [plain, protocolText] = cut(shortForm(text), '/');
  const protocol = (protocolText ?? 'tcp').toLowerCase();
  const [addressText, hostText, containerText] = splitParts(plain);
  const address = readAddress(addressText);
  if (containerText === '') throw new Error(`no port specified: ${text}<empty>`);
  const container = rangeOr(containerText, 'invalid containerPort');
  const host = hostText === '' ? undefined : rangeOr(hostText, 'invalid hostPort');
  if (!protocols.has(protocol)) throw new Error(`invalid proto: ${protocolText}`);
  const count = container.last - container.first;
  const spread = host !== undefined && host.last - host.first !== count;
  // One container port may take any free one of a host range; otherwise both ranges pair up.
  if (spread && count > 0) {
    throw new Error(`invalid ranges specified for container and host Ports: ${containerText} and ${hostText}`);
  }
  for (let offset = 0; offset <= count; offset++) {
    const key = `${container.first + offset}/${protocol}`;
    const one = host === undefined ? '' : String(host.first + offset);
    settings.exposed[key] = {};
    (settings.bindings[key] ??= []).push({ HostIp: address, HostPort: spread ? hostText : one });
  }
}

function expose(text: string, settings: PortSettings): void {
  if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
  const [plain, protocol = 'tcp'] = cut(text, '/');
  try {
    const { first, last } = readRange(plain);
    for (let port = first; port <= last; port++) settings.exposed[`${port}/${protocol.toLowerCase()}`] = {};
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw new Error(`invalid range format for --expose: ${text}, error: ${reason}`, { cause: error });
  }
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads all -p and --expose values. Throws an Error that names the part that is wrong. */
export function parsePorts(published: readonly string[], exposed: readonly string[]): PortSettings {
  const settings: PortSettings = { exposed: {}, bindings: {} };
  for (const text of published) publish(text, settings);
  for (const text of exposed) expose(text, settings);
  return { exposed: sorted(settings.exposed), bindings: sorted(settings.bindings) };
}
