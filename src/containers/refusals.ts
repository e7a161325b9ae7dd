import type { ContainerConfig, HostConfig } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

/** What a client may ask for that this engine does not have: each with what to do instead. */
const refusals: readonly {
  readonly asked: (host: HostConfig, own: ContainerConfig) => boolean;
  readonly what: string;
  readonly instead: string;
}[] = [
  {
    asked: (host) =>
      Object.values(host.PortBindings ?? {}).some((bindings) => bindings !== null && bindings.length > 0),
    what: 'published ports',
    instead: 'Reach the container by its own address (`gantry inspect`), or use --network host.',
  },
  { asked: (host) => host.PublishAllPorts === true, what: 'published ports', instead: 'Use --network host.' },
  {
    asked: (host, own) => anonymousVolumes(host, own).length > 0,
    what: 'anonymous volumes',
    instead: 'Bind a directory of the host: -v /path/on/host:/path/in/container.',
  },
  {
    asked: (host) => (host.VolumesFrom ?? []).length > 0,
    what: '--volumes-from',
    instead: 'Repeat the binds with -v.',
  },
  {
    asked: (host) => (host.Links ?? []).length > 0,
    what: '--link',
    instead: 'Use --add-host with the other container’s address.',
  },
  {
    asked: (host) => Boolean(host.UsernsMode) && host.UsernsMode !== 'host',
    what: 'user namespaces (--userns)',
    instead: 'Leave --userns out.',
  },
  { asked: (host) => Boolean(host.VolumeDriver), what: 'volume drivers', instead: 'Leave --volume-driver out.' },
];

/** Refuses, with `notImplemented` or Docker's own error, what the client asked for and this engine does not do. */
export function refuseUnsupported(host: HostConfig, own: ContainerConfig): void {
  for (const { asked, what, instead } of refusals) {
    if (asked(host, own))
      throw new GantryError('notImplemented', `${what} are not available yet`.replace(/^(--\S+) are/, '$1 is'), {
        hint: instead,
      });
  }
  checkStorageOptions(host.StorageOpt ?? {});
  checkNetwork(host.NetworkMode ?? 'bridge');
  checkNamespace('ipc', host.IpcMode ?? '', ['', 'private', 'host', 'none', 'shareable']);
  checkNamespace('pid', host.PidMode ?? '', ['', 'private', 'host']);
  checkNamespace('uts', host.UTSMode ?? '', ['', 'private', 'host']);
  if (!['', 'private', 'host'].includes(host.CgroupnsMode ?? '')) {
    throw new GantryError('invalid', `invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  }
  if (host.UTSMode === 'host' && own.Hostname) {
    throw new GantryError('invalid', 'conflicting options: hostname and the UTS mode');
  }
  if (host.Isolation && host.Isolation !== 'default') {
    throw new GantryError('invalid', `invalid isolation '${host.Isolation}': linux only supports 'default'`);
  }
}

/** Volumes that are asked for where nothing else is mounted: some clients name every mount here once more. */
function anonymousVolumes(host: HostConfig, own: ContainerConfig): string[] {
  const mounted = new Set([
    ...(host.Binds ?? []).map((bind) => bind.split(':')[1] ?? bind),
    ...(host.Mounts ?? []).map((mount) => mount?.Target ?? ''),
    ...Object.keys(host.Tmpfs ?? {}),
  ]);
  return Object.keys(own.Volumes ?? {}).filter((path) => !mounted.has(path));
}

/** Sizes need project quotas, which overlay has on xfs alone; Docker's texts. */
function checkStorageOptions(options: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(options)) {
    if (name !== 'size') throw new GantryError('invalid', `Unknown option ${name}`);
    throw new GantryError(
      'invalid',
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
      { hint: 'Leave --storage-opt out.' },
    );
  }
}

/** Devices by their capabilities (`--gpus`) need a driver for them, which is not here; refused when a container starts. */
export function refuseDeviceRequests({ DeviceRequests }: Pick<HostConfig, 'DeviceRequests'>): void {
  const [request] = DeviceRequests ?? [];
  if (request === undefined) return;
  const capabilities = (request.Capabilities ?? []).map((all) => `[${all.join(' ')}]`).join(' ');
  throw new GantryError(
    'invalid',
    `could not select device driver ${JSON.stringify(request.Driver ?? '')} with capabilities: [${capabilities}]`,
    { hint: 'Name the device nodes with --device, and bind the driver’s libraries with -v.' },
  );
}

/** As with Docker, a network by name is looked for when the container starts. */
function checkNetwork(mode: string): void {
  if (mode.startsWith('container:')) {
    throw new GantryError('notImplemented', "sharing another container's network is not available yet", {
      hint: 'Use --network bridge, host or none.',
    });
  }
}

function checkNamespace(kind: string, mode: string, allowed: readonly string[]): void {
  if (allowed.includes(mode)) return;
  if (mode.startsWith('container:')) {
    throw new GantryError('notImplemented', `joining another container's ${kind} namespace is not available yet`);
  }
  throw new GantryError('invalid', `invalid ${kind === 'ipc' ? 'IPC' : kind === 'pid' ? 'PID' : 'UTS'} mode: ${mode}`);
}
