import { posix } from 'node:path';

import { GantryError } from '../base/index.ts';

import type { OciMount } from './ociSpec.ts';
import { parseSecurityOptions } from './securityOptions.ts';
import type { ContainerMount, SpecInput } from './specInput.ts';

const defaultShmBytes = 64 * 1024 * 1024;
const tmpfsFlags = ['noexec', 'nosuid', 'nodev'];
const sealed = ['nosuid', 'noexec', 'nodev'];

/** Options of `--tmpfs` that mount(8) knows and a tmpfs takes. */
const tmpfsOption =
  /^(ro|rw|(no)?(exec|suid|dev|atime|diratime)|a?sync|(nr_blocks|nr_inodes|size)=[0-9]+[kKmMgG%]?|mode=[0-7]+|[ug]id=[0-9]+|(no)?relatime|(no)?strictatime|r?(private|shared|slave|unbindable)|mpol=.+)$/;

/** A container without IPC of its own (`--ipc none`) has no shared memory at all. */
function shmMounts(input: SpecInput): OciMount[] {
  return input.settings.IpcMode === 'none' ? [] : [shmMount(input)];
}

function shmMount(input: SpecInput): OciMount {
  const { ipc } = input.namespaces;
  const source = ipc === 'host' ? '/dev/shm' : input.shmDir;
  if (source !== undefined) {
    return { destination: '/dev/shm', type: 'bind', source, options: ['rbind', 'rprivate'] };
  }
  const asked = input.settings.ShmSize ?? 0;
  const sizeBytes = asked > 0 ? asked : defaultShmBytes;
  return {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: [...sealed, 'mode=1777', `size=${sizeBytes}`],
  };
}

/** What every container has mounted; the same as Docker's (config-linux.md, "Default Filesystems"). */
function defaultMounts(input: SpecInput): OciMount[] {
  const privileged = input.settings.Privileged === true;
  const { writableCgroups } = parseSecurityOptions(input.settings.SecurityOpt ?? []);
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: sealed },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...sealed, privileged ? 'rw' : 'ro'] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [privileged || writableCgroups ? 'rw' : 'ro', ...sealed],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: sealed },
    ...shmMounts(input),
  ];
}

function fileMounts({ files, settings }: SpecInput): OciMount[] {
  const bind = (destination: string, source: string | undefined): OciMount[] =>
    source === undefined
      ? []
      : [
          {
            destination,
            type: 'bind',
            source,
            options: ['rbind', settings.ReadonlyRootfs === true ? 'ro' : 'rw', 'rprivate'],
          },
        ];
  return [
    ...bind('/etc/resolv.conf', files.resolvConf),
    ...bind('/etc/hostname', files.hostname),
    ...bind('/etc/hosts', files.hosts),
  ];
}

/** Where Docker puts the init of `--init`, and clients expect to see it in `top`. */
export const initDestination = '/sbin/docker-init';

function initMount(initPath: string | undefined): OciMount[] {
  if (initPath === undefined) return [];
  return [{ destination: initDestination, type: 'bind', source: initPath, options: ['bind', 'ro', 'rprivate'] }];
}

/** `--tmpfs` entries: Docker's defaults in front, so that what was given wins. */
function tmpfsMounts(tmpfs: Readonly<Record<string, string>>): OciMount[] {
  return Object.entries(tmpfs).map(([path, data]) => {
    const given = data.split(',').filter((option) => option !== '');
    const wrong = given.find((option) => !tmpfsOption.test(option));
    if (wrong !== undefined) throw new GantryError('invalid', `invalid tmpfs option ["${wrong}"]`);
    return {
      destination: cleanDestination(path),
      type: 'tmpfs',
      source: 'tmpfs',
      options: [...withoutOpposites(tmpfsFlags, given), ...given, 'rprivate'],
    };
  });
}

/** The defaults that no given option contradicts (`exec` against `noexec`). */
function withoutOpposites(defaults: readonly string[], given: readonly string[]): string[] {
  return defaults.filter((option) => !given.includes(option) && !given.includes(option.slice('no'.length)));
}

function givenMount(mount: ContainerMount): OciMount {
  const propagation = mount.propagation ?? 'rprivate';
  const destination = cleanDestination(mount.destination);
  if (mount.type === 'tmpfs') {
    const given = mount.options ?? [];
    return {
      destination,
      type: 'tmpfs',
      source: 'tmpfs',
      options: [...withoutOpposites(tmpfsFlags, given), ...given, ...(mount.readonly ? ['ro'] : []), propagation],
    };
  }
  const recursive = mount.nonRecursive !== true;
  // A read-only bind covers the mounts below it too (Docker since 25); `ro` alone would leave them writable.
  const access = mount.readonly ? (recursive ? 'rro' : 'ro') : 'rw';
  return {
    destination,
    type: 'bind',
    source: mount.source,
    options: [recursive ? 'rbind' : 'bind', access, propagation, ...(mount.options ?? [])],
  };
}

function cleanDestination(path: string): string {
  const clean = posix.normalize(path).replace(/(.)\/+$/, '$1');
  if (!clean.startsWith('/'))
    throw new GantryError('invalid', `invalid mount path: '${path}' mount path must be absolute`);
  if (clean === '/') throw new GantryError('invalid', `invalid mount path: '${path}' destination can't be '/'`);
  return clean;
}

const depth = (path: string): number => path.split('/').length;

function refuseDuplicates(mounts: readonly OciMount[]): void {
  const seen = new Set<string>();
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw new GantryError('invalid', `Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
}

/**
 * All mounts of a container, in the order in which they are to be made: the defaults, then files, init, tmpfs and binds from
 * the shallowest to the deepest. What was asked for replaces a default with the same destination; two that were asked for are
 * `invalid`.
 */
export function planMounts(input: SpecInput): OciMount[] {
  const asked = [...tmpfsMounts(input.settings.Tmpfs ?? {}), ...input.mounts.map(givenMount)];
  refuseDuplicates(asked);
  const given = [...fileMounts(input), ...asked, ...initMount(input.initPath)];
  const last = new Map(given.map((mount) => [mount.destination, mount]));
  const defaults = defaultMounts(input).filter(({ destination }) => !last.has(destination));
  return [...defaults, ...[...last.values()].sort((a, b) => depth(a.destination) - depth(b.destination))];
}

/** The root's own propagation has to let through what a bind asks for (mount_namespaces(7)). */
export function rootPropagation(mounts: readonly ContainerMount[]): string | undefined {
  const asked = mounts.map(({ propagation }) => propagation ?? 'rprivate');
  if (asked.some((propagation) => propagation.endsWith('shared'))) return 'shared';
  return asked.some((propagation) => propagation.endsWith('slave')) ? 'rslave' : undefined;
}
