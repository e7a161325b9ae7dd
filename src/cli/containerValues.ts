/** Readers and checks for the values of `run`'s and `create`'s flags, with the texts that users know. */
import { isIP } from 'node:net';

import { parseBytes } from '../base/index.ts';
import { splitFields } from './fields.ts';

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

export interface Throttle {
  readonly Path: string;
  readonly Rate: number;
}

export interface GpuRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs: string[] | null;
  readonly Capabilities: string[][] | null;
  readonly Options: Record<string, string> | null;
}

/** Splits at the first `mark`; the second part is undefined without one. */
export function cut(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

export function checkAddHost(text: string): string {
  const at = text.search(/[:=]/);
  const [name, address] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  if (at === -1 || name === '') throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const plain = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
  if (plain !== 'host-gateway' && isIP(plain) === 0) {
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  return `${name}:${plain}`;
}

export function checkAttach(text: string): string {
  const stream = text.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) throw new Error('valid streams are STDIN, STDOUT and STDERR');
  return stream;
}

export function checkEnvironment(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid environment variable: ${text}`);
  return text;
}

export function checkIpAddress(text: string): string {
  const address = text.trim();
  if (isIP(address) === 0) throw new Error(`IP address is not correctly formatted: ${text}`);
  return address;
}

export function checkDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  if (!/^(?=.{1,255}$)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/.test(domain) || /^[\d.]+$/.test(domain)) {
    throw new Error(`${text} is not a valid domain`);
  }
  return domain;
}

export function checkLabel(text: string): string {
  const [key] = cut(text, '=');
  if (key === '') throw new Error(`invalid label '${text}': empty name`);
  return text;
}

export function checkLink(text: string): string {
  const parts = text.split(':');
  if (text === '') throw new Error('empty string specified for links');
  if (parts.length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

const namespacedSysctls = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

export function checkSysctl(text: string): string {
  const [key, value] = cut(text, '=');
  const allowed = namespacedSysctls.has(key) || key.startsWith('net.') || key.startsWith('fs.mqueue.');
  if (value === undefined || !allowed) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

/** CPUs as a decimal or a fraction, in billionths. */
export function parseCpus(text: string): number {
  const found = /^([+-]?\d*\.?\d*(?:[eE][+-]?\d+)?)(?:\/(\d+))?$/.exec(text);
  const cpus = Number(found?.[1]) / Number(found?.[2] ?? 1);
  if (found?.[1] === undefined || !/\d/.test(found[1]) || !Number.isFinite(cpus)) {
    throw new Error(`failed to parse ${text} as a rational number`);
  }
  const nano = cpus * 1e9;
  if (Math.abs(nano - Math.round(nano)) > 1e-6) throw new Error('value is too precise');
  return Math.round(nano);
}

export function parseSignedBytes(text: string): number {
  return text === '-1' ? -1 : parseBytes(text);
}

function devicePath(text: string): [path: string, value: string] {
  const [path, value] = cut(text, ':');
  if (value === undefined || path === '') throw new Error(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, value];
}

export function parseWeight(text: string): WeightDevice {
  const [path, value] = devicePath(text);
  const weight = Number(value);
  if (!/^\d+$/.test(value) || (weight !== 0 && (weight < 10 || weight > 1000))) {
    throw new Error(`invalid weight for device: ${text}`);
  }
  return { Path: path, Weight: weight };
}

function parseRate(value: string, text: string): number {
  try {
    return parseBytes(value);
  } catch (cause) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
      { cause },
    );
  }
}

export function parseThrottle(text: string, inBytes: boolean): Throttle {
  const [path, value] = devicePath(text);
  if (inBytes) return { Path: path, Rate: parseRate(value, text) };
  if (!/^\d+$/.test(value))
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  return { Path: path, Rate: Number(value) };
}

function gpuCount(value: string): number {
  if (value === 'all') return -1;
  if (!/^\d+$/.test(value))
    throw new Error(`invalid count (${value}): value must be either "all" or an integer: invalid syntax`);
  return Number(value);
}

function optionPair(text: string): [string, string] {
  const [key, value] = cut(text, '=');
  return [key, value ?? ''];
}

/** `all`, a count, or `count=..,device=..,driver=..,capabilities=..`. */
export function parseGpus(text: string): GpuRequest {
  const request = { Driver: '', Count: 0, DeviceIDs: null as string[] | null, Capabilities: [['gpu']], Options: {} };
  for (const field of splitFields(text)) {
    const [key, value] = cut(field, '=');
    if (value === undefined) request.Count = gpuCount(key);
    else if (key === 'count') request.Count = gpuCount(value);
    else if (key === 'device') request.DeviceIDs = [...(request.DeviceIDs ?? []), ...value.split(',')];
    else if (key === 'driver') request.Driver = value;
    else if (key === 'capabilities') request.Capabilities = [[...value.split(','), 'gpu']];
    else if (key === 'options') request.Options = Object.fromEntries(splitFields(value).map(optionPair));
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (request.Count === 0 && request.DeviceIDs === null) request.Count = 1;
  return request;
}
