/** The value of --mount: comma-separated `key=value` fields, with CSV quoting. */
import type { HostConfig } from '../api/index.ts';
import { parseBytes, readInteger } from '../base/index.ts';
import { cut } from './containerValues.ts';
import { splitFields } from './fields.ts';

export type MountRequest = NonNullable<NonNullable<HostConfig['Mounts']>[number]>;

const truths: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

function truth(key: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  const found = Object.hasOwn(truths, value) ? truths[value] : undefined;
  if (found === undefined) throw new Error(`invalid value for ${key}: ${value}`);
  return found;
}

function pair(value: string): [string, string] {
  const [key, own] = cut(value, '=');
  return [key, own ?? ''];
}

interface Fields {
  type: string;
  source: string | undefined;
  target: string | undefined;
  readOnly: boolean;
  consistency: string | undefined;
  bind: Partial<NonNullable<MountRequest['BindOptions']>>;
  volume: Partial<NonNullable<MountRequest['VolumeOptions']>>;
  tmpfs: Partial<NonNullable<MountRequest['TmpfsOptions']>>;
  subpath: string | undefined;
}

function take(fields: Fields, key: string, value: string, field: string): void {
  switch (key) {
    case 'type':
      fields.type = value.toLowerCase();
      break;
    case 'source':
    case 'src':
      fields.source = value;
      break;
    case 'target':
    case 'dst':
    case 'destination':
      fields.target = value;
      break;
    case 'consistency':
      fields.consistency = value.toLowerCase();
      break;
    case 'bind-propagation':
      fields.bind.Propagation = value.toLowerCase() as NonNullable<typeof fields.bind.Propagation>;
      break;
    case 'bind-recursive':
      takeRecursive(fields, value);
      break;
    case 'volume-subpath':
    case 'image-subpath':
      fields.subpath = value;
      break;
    case 'volume-driver':
      fields.volume.DriverConfig = { ...fields.volume.DriverConfig, Name: value };
      break;
    case 'volume-opt': {
      const [name, own] = pair(value);
      fields.volume.DriverConfig = {
        ...fields.volume.DriverConfig,
        Options: { ...fields.volume.DriverConfig?.Options, [name]: own },
      };
      break;
    }
    case 'volume-label': {
      const [name, own] = pair(value);
      fields.volume.Labels = { ...fields.volume.Labels, [name]: own };
      break;
    }
    case 'tmpfs-size':
      fields.tmpfs.SizeBytes = parseBytes(value);
      break;
    case 'tmpfs-mode':
      if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
      fields.tmpfs.Mode = readInteger(`0o${value}`);
      break;
    default:
      throw new Error(`unexpected key '${key}' in '${field}'`);
  }
}

function takeRecursive(fields: Fields, value: string): void {
  switch (value) {
    case 'enabled':
      break;
    case 'disabled':
      fields.bind.NonRecursive = true;
      break;
    case 'writable':
      fields.bind.ReadOnlyNonRecursive = true;
      break;
    case 'readonly':
      fields.bind.ReadOnlyForceRecursive = true;
      break;
    default:
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

/** Takes the fields that may stand without a value; false when `key` is none of them. */
function takeSwitch(fields: Fields, key: string, value: string | undefined): boolean {
  if (key === 'readonly' || key === 'ro') fields.readOnly = truth(key, value);
  else if (key === 'volume-nocopy') fields.volume.NoCopy = truth(key, value);
  else if (key === 'bind-nonrecursive') fields.bind.NonRecursive = truth(key, value);
  else return false;
  return true;
}

function has(options: object): boolean {
  return Object.keys(options).length > 0;
}

function checkOptions(fields: Fields): void {
  if (fields.type !== 'volume' && has(fields.volume))
    throw new Error(`cannot mix 'volume-*' options with mount type '${fields.type}'`);
  if (fields.type !== 'bind' && has(fields.bind))
    throw new Error(`cannot mix 'bind-*' options with mount type '${fields.type}'`);
  if (fields.type !== 'tmpfs' && has(fields.tmpfs))
    throw new Error(`cannot mix 'tmpfs-*' options with mount type '${fields.type}'`);
}

function optionsOf(fields: Fields): object {
  if (fields.type === 'bind' && has(fields.bind)) return { BindOptions: fields.bind };
  if (fields.type === 'tmpfs' && has(fields.tmpfs)) return { TmpfsOptions: fields.tmpfs };
  if (fields.type === 'image' && fields.subpath !== undefined) return { ImageOptions: { Subpath: fields.subpath } };
  if (fields.type !== 'volume' || (!has(fields.volume) && fields.subpath === undefined)) return {};
  const subpath = fields.subpath === undefined ? {} : { Subpath: fields.subpath };
  return { VolumeOptions: { ...fields.volume, ...subpath, DriverConfig: fields.volume.DriverConfig ?? {} } };
}

/** Reads one --mount. Throws an Error that says which field is wrong. */
export function parseMount(text: string): MountRequest {
  const fields: Fields = {
    type: 'volume',
    source: undefined,
    target: undefined,
    readOnly: false,
    consistency: undefined,
    bind: {},
    volume: {},
    tmpfs: {},
    subpath: undefined,
  };
  for (const field of splitFields(text)) {
    const [name, value] = cut(field, '=');
    const key = name.toLowerCase();
    if (takeSwitch(fields, key, value)) continue;
    if (value === undefined) throw new Error(`invalid field '${field}' must be a key=value pair`);
    take(fields, key, value, field);
  }
  checkOptions(fields);
  if (fields.type === '') throw new Error('type is required');
  if (fields.target === undefined || fields.target === '') throw new Error('target is required');
  return {
    Type: fields.type as NonNullable<MountRequest['Type']>,
    ...(fields.source === undefined ? {} : { Source: fields.source }),
    Target: fields.target,
    ...(fields.readOnly ? { ReadOnly: true } : {}),
    ...(fields.consistency === undefined ? {} : { Consistency: fields.consistency }),
    ...optionsOf(fields),
  };
}
