import { readFileSync } from 'node:fs';
import { arch, release, totalmem, availableParallelism } from 'node:os';

import type { SystemInfo, SystemVersion } from '../api/index.ts';
import { formatTime } from '../base/index.ts';
import { isAlive } from '../containers/index.ts';
import { logDrivers } from '../logs/index.ts';
import { architectureName } from '../runtime/index.ts';

import type { EngineParts } from './parts.ts';
import { supportWarnings } from './supportWarnings.ts';

type Parts = Pick<
  EngineParts,
  | 'clock'
  | 'settings'
  | 'dataPaths'
  | 'containers'
  | 'images'
  | 'snapshots'
  | 'runtimes'
  | 'journal'
  | 'cgroups'
  | 'host'
>;

export const apiVersion = '1.50';
export const leastApiVersion = '1.24';

/** GET /version. */
export async function systemVersion({
  settings,
  runtimes,
}: Pick<Parts, 'settings' | 'runtimes'>): Promise<SystemVersion> {
  const details = {
    ApiVersion: apiVersion,
    Arch: architectureName(),
    KernelVersion: release(),
    MinAPIVersion: leastApiVersion,
    NodeVersion: process.version,
    Os: 'linux',
  };
  const runtimeComponents = await Promise.all(
    [...runtimes.values()].map(async (runtime) =>
      runtimeComponent(runtime.name, await runtime.version().catch(() => '')),
    ),
  );
  return {
    Platform: { Name: 'Gantry' },
    Components: [{ Name: 'Engine', Version: settings.version, Details: details }, ...runtimeComponents],
    Version: settings.version,
    ApiVersion: apiVersion,
    MinAPIVersion: leastApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: architectureName(),
    KernelVersion: release(),
  };
}

/** A runtime's name, version and commit, out of the text that its --version prints. */
export function runtimeComponent(
  name: string,
  text: string,
): { Name: string; Version: string; Details: Record<string, string> } {
  const version = /version (\S+)/.exec(text)?.[1] ?? 'unknown';
  const commit = /^commit: (\S+)/m.exec(text)?.[1] ?? '';
  return { Name: name, Version: version, Details: { GitCommit: commit } };
}

/** GET /info. */
export async function systemInfo(parts: Parts): Promise<SystemInfo> {
  const { settings } = parts;
  const os = readOsRelease();
  const forwardsIpv4 = readText('/proc/sys/net/ipv4/ip_forward').trim() === '1';
  return {
    ID: settings.daemonId,
    ...countContainers(parts),
    Images: parts.images.images.size,
    Driver: parts.snapshots.name,
    DriverStatus: [['Backing Filesystem', backingFileSystem(parts.dataPaths.root)]],
    DockerRootDir: parts.dataPaths.root,
    Plugins: {
      Volume: [],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: [...logDrivers],
    },
    ...resourceSupport(parts),
    IPv4Forwarding: forwardsIpv4,
    Debug: settings.debug,
    NFd: 0,
    NGoroutines: 0,
    SystemTime: formatTime(parts.clock()),
    LoggingDriver: settings.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(settings.cgroupVersion) as '1' | '2',
    NEventsListener: parts.journal.subscriberCount,
    KernelVersion: release(),
    OperatingSystem: os.get('PRETTY_NAME') ?? 'Linux',
    OSVersion: os.get('VERSION_ID') ?? '',
    OSType: 'linux',
    Architecture: arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(parts),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: settings.hostName,
    Labels: [...settings.labels],
    ExperimentalBuild: false,
    ServerVersion: settings.version,
    Runtimes: Object.fromEntries([...parts.runtimes.values()].map(({ name, path }) => [name, { path }])),
    DefaultRuntime: settings.defaultRuntime,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: settings.liveRestore,
    Isolation: '',
    InitBinary: settings.initPath ?? '',
    SecurityOptions: [
      'name=seccomp,profile=builtin',
      ...(settings.defaultCgroupnsMode === 'private' && parts.host.support.cgroupNamespaces ? ['name=cgroupns'] : []),
    ],
    Warnings: supportWarnings(parts.host, forwardsIpv4),
  };
}

function countContainers({
  containers,
}: Parts): Pick<SystemInfo, 'Containers' | 'ContainersRunning' | 'ContainersPaused' | 'ContainersStopped'> {
  let running = 0;
  let paused = 0;
  for (const { state } of containers.all()) {
    if (state.status === 'paused') paused++;
    else if (isAlive(state)) running++;
  }
  return {
    Containers: containers.size,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: containers.size - running - paused,
  };
}

function resourceSupport({ host: { support } }: Parts): Partial<SystemInfo> {
  return {
    MemoryLimit: support.memory,
    SwapLimit: support.swap,
    CpuCfsPeriod: support.cpuQuota,
    CpuCfsQuota: support.cpuQuota,
    CPUShares: support.cpuShares,
    CPUSet: support.cpuset,
    PidsLimit: support.pids,
    OomKillDisable: support.oomKillDisable,
  };
}

function registryConfig({ settings }: Parts): NonNullable<SystemInfo['RegistryConfig']> {
  const mirrors = [...settings.registryMirrors];
  const ranges = settings.insecureRegistries.filter((entry) => entry.includes('/'));
  return {
    IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: mirrors, Secure: true, Official: true } },
    InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128', ...ranges],
    Mirrors: mirrors,
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readOsRelease(): ReadonlyMap<string, string> {
  const lines = readText('/etc/os-release').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).replace(/^"(.*)"$/, '$1')]];
    }),
  );
}

/** The type of the file system below the data root, by Docker's name for it. */
function backingFileSystem(root: string): string {
  let best = { point: '', type: 'unknown' };
  for (const line of readText('/proc/self/mountinfo').split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4] ?? '';
    const covers = root === point || point === '/' || root.startsWith(`${point}/`);
    if (covers && point.length >= best.point.length) best = { point, type: right.split(' ')[0] ?? 'unknown' };
  }
  return best.type.startsWith('ext') ? 'extfs' : best.type;
}
