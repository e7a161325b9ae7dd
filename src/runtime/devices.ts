import { posix } from 'node:path';

import { GantryError } from '../base/index.ts';

import type { OciDevice, OciDeviceRule } from './ociSpec.ts';
import type { HostDevice, HostFacts, HostSettings } from './specInput.ts';

export interface DevicePlan {
  /** Nodes to make beside those that every container has. */
  readonly nodes: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const rule = (
  type: 'b' | 'c',
  major: number | undefined,
  minor: number | undefined,
  access = 'rwm',
): OciDeviceRule => ({
  allow: true,
  type,
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
  access,
});

/**
 * Devices that every container may use; the nodes themselves are made by the OCI runtime (config-linux.md, "Default
 * Devices"). Any node may be made (`m`), none but these opened.
 */
const defaultRules: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  rule('c', undefined, undefined, 'm'),
  rule('b', undefined, undefined, 'm'),
  rule('c', 1, 3), // null
  rule('c', 1, 5), // zero
  rule('c', 1, 7), // full
  rule('c', 1, 8), // random
  rule('c', 1, 9), // urandom
  rule('c', 5, 0), // tty
  rule('c', 5, 1), // console
  rule('c', 5, 2), // ptmx
  rule('c', 136, undefined), // pts
];

const everything: OciDeviceRule = { allow: true, access: 'rwm' };

function nodeFor(device: HostDevice, path: string): OciDevice {
  const { type, major, minor, mode, uid, gid } = device;
  return { type, path, major, minor, fileMode: mode, uid, gid };
}

/** One `--device-cgroup-rule`: `c 1:3 rwm`, with `*` for any number. */
function parseRule(text: string): OciDeviceRule {
  const match = /^([acb]) ([0-9]{1,9}|\*):([0-9]{1,9}|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw new GantryError('invalid', `invalid device cgroup rule format: '${text}'`);
  const [, type, major = '*', minor = '*', access = ''] = match;
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}

/** The rules that `--device-cgroup-rule` adds. Throws `invalid` for one that is none. */
export function parseDeviceRules({ DeviceCgroupRules }: HostSettings): OciDeviceRule[] {
  return (DeviceCgroupRules ?? []).map(parseRule);
}

type DeviceSetting = NonNullable<HostSettings['Devices']>[number];

/** The nodes that a `--device` names: one, or all below a directory. */
function requested(setting: DeviceSetting, host: HostFacts): { node: OciDevice; rule: OciDeviceRule }[] {
  const source = setting.PathOnHost ?? '';
  const target =
    setting.PathInContainer === undefined || setting.PathInContainer === '' ? source : setting.PathInContainer;
  const access =
    setting.CgroupPermissions === undefined || setting.CgroupPermissions === '' ? 'rwm' : setting.CgroupPermissions;
  if (!/^[rwm]{1,3}$/.test(access)) throw new GantryError('invalid', `invalid device mode: ${access}`);
  const found = host.devicesAt(source) ?? [];
  if (found.length === 0) {
    const reason = host.devicesAt(source) === undefined ? 'no such file or directory' : 'not a device node';
    throw new GantryError(
      'invalid',
      `error gathering device information while adding custom device "${source}": ${reason}`,
    );
  }
  return found.map((device) => ({
    node: nodeFor(device, posix.join('/', target, device.path.slice(source.length))),
    rule: rule(device.type, device.major, device.minor, access),
  }));
}

/** Devices and device rules of a container; a privileged one has all of the host's and may use any. */
export function planDevices(settings: HostSettings, host: HostFacts): DevicePlan {
  const asked = (settings.Devices ?? []).flatMap((setting) => requested(setting, host));
  const extraRules = parseDeviceRules(settings);
  const askedNodes = asked.map(({ node }) => node);
  if (settings.Privileged !== true) {
    return { nodes: askedNodes, rules: [...defaultRules, ...asked.map(({ rule }) => rule), ...extraRules] };
  }
  const taken = new Set(askedNodes.map(({ path }) => path));
  const all = (host.devicesAt('/dev') ?? []).map((device) => nodeFor(device, device.path));
  return { nodes: [...all.filter(({ path }) => !taken.has(path)), ...askedNodes], rules: [everything] };
}

/** Numbers of the block device at `path`, for throttling. */
export function blockDeviceAt(path: string, host: Pick<HostFacts, 'devicesAt'>): { major: number; minor: number } {
  const found = host.devicesAt(path);
  if (found === undefined) throw new GantryError('invalid', `stat ${path}: no such file or directory`);
  const device = found.find((one) => one.path === path);
  if (device === undefined) throw new GantryError('invalid', `${path} is not a device node`);
  return { major: device.major, minor: device.minor };
}
