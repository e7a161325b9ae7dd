import { posix } from 'node:path';

import type { HostConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

/** A directory or file of the host, or an empty tmpfs, at a place in the container. */
export interface BindMount {
  readonly type: 'bind' | 'tmpfs';
  readonly source: string;
  readonly destination: string;
  readonly readonly: boolean;
  readonly propagation: Propagation;
  readonly nonRecursive: boolean;
  /** As typed after the second colon, for inspect. */
  readonly mode: string;
  /** Make the source when it is missing, as -v does and --mount does not. */
  readonly createSource: boolean;
  readonly options: readonly string[];
}

const mountTypes: ReadonlySet<string> = new Set(['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image']);
const accessModes: ReadonlySet<string> = new Set(['ro', 'rw']);
const propagations: ReadonlySet<string> = new Set(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']);
// SELinux relabelling and consistency hints have nothing to act on here and are accepted, as Docker does.
const ignoredModes: ReadonlySet<string> = new Set(['z', 'Z', 'rw', 'cached', 'delegated', 'consistent', 'nocopy']);

/** Binds and mounts of a host configuration. Throws `invalid` with Docker's texts, `notImplemented` for volumes. */
export function parseBinds(hostConfig: Pick<HostConfig, 'Binds' | 'Mounts'>): readonly BindMount[] {
  const mounts = [...(hostConfig.Binds ?? []).map(parseBind), ...(hostConfig.Mounts ?? []).map(parseMount)];
  const seen = new Set<string>();
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw new GantryError('invalid', `Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
  return mounts;
}

/** One `source:destination[:mode]`. */
export function parseBind(text: string): BindMount {
  const parts = text.split(':');
  const [source = '', destination = '', mode = ''] = parts;
  if (text === '' || parts.length > 3) throw invalidSpecification(text);
  if (parts.length < 2) throw volumesAreMissing(text);
  if (source === '' || destination === '') throw invalidSpecification(text);
  if (!source.startsWith('/')) throw volumesAreMissing(source);
  return {
    type: 'bind',
    source: posix.normalize(source),
    destination: checkedDestination(destination, text),
    ...parseMode(mode),
    mode,
    createSource: true,
    options: [],
  };
}

function parseMode(mode: string): Pick<BindMount, 'readonly' | 'propagation' | 'nonRecursive'> {
  let readonly = false;
  let propagation: Propagation = 'rprivate';
  const words = mode === '' ? [] : mode.split(',');
  const counts = [words.filter((word) => accessModes.has(word)), words.filter((word) => propagations.has(word))];
  if (counts.some((found) => found.length > 1)) throw invalidMode(mode);
  for (const word of words) {
    if (word === 'ro') readonly = true;
    else if (propagations.has(word)) propagation = word as Propagation;
    else if (!ignoredModes.has(word)) throw invalidMode(mode);
  }
  return { readonly, propagation, nonRecursive: false };
}

function parseMount(mount: NonNullable<NonNullable<HostConfig['Mounts']>[number]>): BindMount {
  const { Type: type, Source: source = '', Target: target = '' } = mount;
  if (!mountTypes.has(String(type))) throw invalidMount(String(type), 'mount type unknown');
  if (target === '') throw invalidMount(String(type), 'field Target must not be empty');
  const shared = { destination: checkedDestination(target, target), readonly: mount.ReadOnly === true, mode: '' };
  if (type === 'tmpfs') {
    if (source !== '') throw invalidMount(type, 'field Source must not be specified');
    const size = mount.TmpfsOptions?.SizeBytes;
    const mode = mount.TmpfsOptions?.Mode;
    const options = [
      ...(size === undefined ? [] : [`size=${size}`]),
      ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ];
    return { ...shared, type, source: '', propagation: 'rprivate', nonRecursive: false, createSource: false, options };
  }
  if (type !== 'bind') throw volumesAreMissing(`type=${String(type)}`);
  if (source === '') throw invalidMount(type, 'field Source must not be empty');
  if (!source.startsWith('/')) throw invalidMount(type, `invalid mount path: '${source}' mount path must be absolute`);
  return {
    ...shared,
    type,
    source: posix.normalize(source),
    propagation: mount.BindOptions?.Propagation || 'rprivate',
    nonRecursive: mount.BindOptions?.NonRecursive === true,
    createSource: mount.BindOptions?.CreateMountpoint === true,
    options: [],
  };
}

function checkedDestination(destination: string, text: string): string {
  if (!destination.startsWith('/')) {
    throw new GantryError(
      'invalid',
      `invalid volume specification: '${text}': invalid mount config for type "bind": invalid mount path: '${destination}' mount path must be absolute`,
    );
  }
  const normal = posix.normalize(destination).replace(/(.)\/$/, '$1');
  if (normal === '/') {
    throw new GantryError(
      'invalid',
      `invalid volume specification: '${text}': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    );
  }
  return normal;
}

function invalidMode(mode: string): GantryError {
  return new GantryError('invalid', `invalid mode: ${mode}`);
}

function invalidMount(type: string, problem: string): GantryError {
  return new GantryError('invalid', `invalid mount config for type "${type}": ${problem}`);
}

function invalidSpecification(text: string): GantryError {
  return new GantryError('invalid', `invalid volume specification: '${text}'`);
}

function volumesAreMissing(text: string): GantryError {
  return new GantryError('notImplemented', `volumes are not available yet: ${text}`, {
    hint: 'Bind a directory of the host instead: -v /path/on/host:/path/in/container.',
  });
}
