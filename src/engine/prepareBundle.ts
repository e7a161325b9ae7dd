import { closeSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';

import type { HostConfig } from '../api/index.ts';
import { GantryError, hasCode, type Ulimit } from '../base/index.ts';
import { parseBinds, refuseDeviceRequests, type BindMount, type ContainerRecord } from '../containers/index.ts';
import { makeSymlinkAt, openInRoot, readFileInRoot } from '../linux/index.ts';
import { hostnameFile, hostsFile, resolvConf, type Sandbox } from '../network/index.ts';
import {
  containerSpec,
  resolveUser,
  userDatabaseLimitBytes,
  writeBundle,
  type ContainerMount,
  type ProcessStdio,
  type SpecInput,
  type SpecUser,
  type UserDatabase,
} from '../runtime/index.ts';

import { cgroupParentOf } from './containerCgroup.ts';
import { networkModeOf } from './networkMode.ts';
import type { EngineParts } from './parts.ts';

type Parts = Pick<EngineParts, 'settings' | 'dataPaths' | 'execPaths' | 'host' | 'network'>;

const resolvedStub = '127.0.0.53';
const resolvedUpstream = '/run/systemd/resolve/resolv.conf';

/** Writes the files that a start needs: the container's hosts, hostname and resolv.conf, and the bundle's config.json. */
export function prepareBundle(parts: Parts, record: ContainerRecord, sandbox: Sandbox | undefined): ProcessStdio {
  refuseDeviceRequests(record.hostConfig);
  const { rootfs, bundle } = parts.execPaths.container(record.id);
  writeContainerFiles(parts, record, sandbox);
  markRoot(rootfs);
  linkMountTable(rootfs);
  const user = resolveUser(record.config.User ?? '', userDatabase(rootfs), record.hostConfig.GroupAdd ?? []);
  const mounts = usableMounts(parseBinds(record.hostConfig));
  writeBundle(bundle, containerSpec(specInput(parts, record, sandbox, user, mounts)));
  return stdioOf(record, user);
}

/** The empty file by which programs tell that they run in a container; an image's own file of that name stays. */
function markRoot(rootfs: string): void {
  const flags = constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    closeSync(openInRoot(rootfs, '/.dockerenv', flags, 0o755));
  } catch (error) {
    if (!['EISDIR', 'ELOOP', 'ENXIO'].some((code) => hasCode(error, code))) throw error;
  }
}

/** Where older programs look for what is mounted; an image's own stays, and none is made where there is no /etc. */
function linkMountTable(rootfs: string): void {
  let etc: number | undefined;
  try {
    etc = openInRoot(rootfs, '/etc', constants.O_RDONLY | constants.O_DIRECTORY);
    makeSymlinkAt('/proc/mounts', etc, 'mtab');
  } catch (error) {
    if (!['EEXIST', 'ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) throw error;
  } finally {
    if (etc !== undefined) closeSync(etc);
  }
}

/** The user database of a container, as its root has it now. */
export function userDatabase(rootfs: string): UserDatabase {
  return {
    passwd: readFileInRoot(rootfs, '/etc/passwd', userDatabaseLimitBytes),
    group: readFileInRoot(rootfs, '/etc/group', userDatabaseLimitBytes),
  };
}

function writeContainerFiles(parts: Parts, record: ContainerRecord, sandbox: Sandbox | undefined): void {
  const { hostname, hosts, resolvConf: resolvConfPath } = parts.dataPaths.container(record.id);
  const { config, hostConfig } = record;
  const isHostNetwork = networkModeOf(record) === 'host';
  const name = config.Hostname ?? '';
  writeFileSync(hostname, hostnameFile(name));
  writeFileSync(
    hosts,
    hostsFile({
      hostname: name,
      domainname: config.Domainname ?? '',
      address: sandbox?.endpoint?.address,
      extraHosts: hostConfig.ExtraHosts ?? [],
      hostGateway: parts.network.options.address.split('/')[0],
      ...(isHostNetwork ? { hostText: readHostFile('/etc/hosts') } : {}),
    }),
  );
  writeFileSync(
    resolvConfPath,
    resolvConf({
      hostText: hostResolvConf(),
      dns: hostConfig.Dns ?? [],
      search: hostConfig.DnsSearch ?? [],
      options: hostConfig.DnsOptions ?? [],
      isHostNetwork,
    }),
  );
}

function readHostFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

/** The host's resolver configuration; where systemd-resolved answers on loopback, what it asks itself. */
function hostResolvConf(): string {
  const text = readHostFile('/etc/resolv.conf');
  return text.includes(resolvedStub) && existsSync(resolvedUpstream) ? readHostFile(resolvedUpstream) : text;
}

/** Bind sources as they are on the host; `-v` makes a missing directory, `--mount` refuses. */
function usableMounts(binds: readonly BindMount[]): readonly ContainerMount[] {
  return binds.map(usableMount);
}

function usableMount(bind: BindMount): ContainerMount {
  if (bind.type !== 'bind') return bind;
  const source = statSync(bind.source, { throwIfNoEntry: false });
  // nothing is mounted below a file, and crun opens the target of a recursive read-only bind as a directory
  if (source !== undefined) return source.isDirectory() ? bind : { ...bind, nonRecursive: true };
  refuseMissingSource(bind);
  mkdirSync(bind.source, { recursive: true });
  return bind;
}

/** `--mount` wants its source to be there. */
export function refuseMissingSource({ type, source, createSource }: BindMount): void {
  if (type !== 'bind' || createSource || existsSync(source)) return;
  throw new GantryError('invalid', `invalid mount config for type "bind": bind source path does not exist: ${source}`, {
    hint: 'Make the directory first, or use -v, which makes it.',
  });
}

function specInput(
  parts: Parts,
  record: ContainerRecord,
  sandbox: Sandbox | undefined,
  user: SpecUser,
  mounts: readonly ContainerMount[],
): SpecInput {
  const { config, hostConfig } = record;
  const files = parts.dataPaths.container(record.id);
  const [height = 0, width = 0] = hostConfig.ConsoleSize ?? [];
  return {
    id: record.id,
    rootfsDir: parts.execPaths.container(record.id).rootfs,
    args: [record.path, ...record.args],
    env: config.Env ?? [],
    cwd: config.WorkingDir || '/',
    user,
    tty: config.Tty === true,
    ...(height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    ...(hasInit(parts, hostConfig) ? { initPath: initPath(parts) } : {}),
    files: { hosts: files.hosts, resolvConf: files.resolvConf, hostname: files.hostname },
    mounts,
    namespaces: {
      network: sandbox === undefined ? 'host' : { path: sandbox.path },
      ipc: hostConfig.IpcMode === 'host' ? 'host' : 'private',
      pid: hostConfig.PidMode === 'host' ? 'host' : 'private',
      uts: hostConfig.UTSMode === 'host' ? 'host' : 'private',
      cgroup: hostConfig.CgroupnsMode === 'host' ? 'host' : 'private',
    },
    cgroupParent: cgroupParentOf(parts, hostConfig),
    settings: { ...hostConfig, Ulimits: withDefaults(hostConfig.Ulimits ?? [], parts.settings.defaultUlimits) },
    host: parts.host,
  };
}

/** The daemon's limits for what a container says nothing of. */
function withDefaults(own: NonNullable<HostConfig['Ulimits']>, defaults: readonly Ulimit[]): typeof own {
  const named = new Set(own.map(({ Name }) => Name));
  return [...own, ...defaults.filter(({ Name }) => !named.has(Name))];
}

/** An init is for a pid namespace of the container's own: in another one something else reaps. */
function hasInit({ settings }: Parts, { Init, PidMode }: HostConfig): boolean {
  return (Init ?? settings.init) && ['', 'private'].includes(PidMode ?? '');
}

function initPath({ settings }: Parts): string {
  if (settings.initPath !== undefined) return settings.initPath;
  throw new GantryError(
    'invalid',
    'no init program was found on the host for --init: install the package tini or catatonit, or name a program with the daemon option --init-path',
  );
}

/** How the streams of a container's init are set up. */
export function stdioOf(record: ContainerRecord, owner: ProcessStdio['owner']): ProcessStdio {
  const [height = 0, width = 0] = record.hostConfig.ConsoleSize ?? [];
  return {
    stdin: record.config.OpenStdin === true,
    tty: record.config.Tty === true,
    ...(height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    owner,
  };
}
