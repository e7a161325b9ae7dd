/** --device, --device-cgroup-rule and --gpus: what is asked for, and the texts that refuse it. */
import { isAbsolute } from 'node:path/posix';

import type { HostConfig } from '../api/index.ts';
import type { GpuRequest } from './containerValues.ts';

type Device = NonNullable<HostConfig['Devices']>[number];

/** Rights to read, write and make a node, each named at most once. */
function isDeviceMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** `PATH[:PATH-IN-CONTAINER][:RIGHTS]`. */
function parseDevice(text: string): Device {
  const [source = '', second, third, ...more] = text.split(':');
  if (source === '' || more.length > 0) throw new Error(`bad format for path: ${text}`);
  if (third !== undefined && !isDeviceMode(third)) throw new Error(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && isDeviceMode(second);
  const target = secondIsMode || second === undefined ? source : second;
  if (!isAbsolute(target)) throw new Error(`${target} is not an absolute path`);
  return {
    PathOnHost: source,
    PathInContainer: target,
    CgroupPermissions: secondIsMode ? second : (third ?? 'rwm'),
  };
}

/** A device by the name that its vendor gave it: `vendor.com/class=name`. */
function isVendorDevice(text: string): boolean {
  return /^[\w.-]+\/[\w.-]+=[\w.:-]+$/.test(text);
}

export function devicesOf(texts: readonly string[]): Device[] {
  return texts.filter((text) => !isVendorDevice(text)).map(parseDevice);
}

/** Null when there is none. */
export function deviceRequestsOf(texts: readonly string[], gpus: readonly GpuRequest[]): GpuRequest[] | null {
  const names = texts.filter(isVendorDevice);
  const named = { Driver: 'cdi', Count: 0, DeviceIDs: names, Capabilities: null, Options: null };
  const requests = [...gpus, ...(names.length === 0 ? [] : [named])];
  return requests.length === 0 ? null : requests;
}

/** `TYPE MAJOR:MINOR RIGHTS`, with `*` for any number. */
export function checkDeviceRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) {
    throw new Error(`invalid device cgroup format '${text}'`);
  }
  return text;
}
