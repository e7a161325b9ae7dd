import type { ContainerInspect, ContainerSummary, MountPoint } from '../api/index.ts';
import {
  hostConfigView,
  isAlive,
  parseBinds,
  statusText,
  type ContainerRecord,
  type Health,
} from '../containers/index.ts';
import { networkSettings, type NetworkSettingsView } from '../network/index.ts';
import { GantryError, zeroTime } from '../base/index.ts';

import { networkModeOf } from './networkMode.ts';
import type { EngineParts } from './parts.ts';

type Parts = Pick<
  EngineParts,
  'network' | 'networkIds' | 'dataPaths' | 'execPaths' | 'snapshots' | 'images' | 'execs' | 'health'
>;

export interface ContainerSize {
  readonly writableBytes: number;
  readonly rootBytes: number;
}

function networkOf(parts: Parts, record: ContainerRecord): NetworkSettingsView {
  const mode = networkModeOf(record);
  return networkSettings({
    containerId: record.id,
    mode,
    sandbox: parts.network.sandboxOf(record.id),
    isRunning: isAlive(record.state),
    networkId: parts.networkIds[mode],
    hasStarted: record.state.startedAt !== zeroTime,
    ports: Object.fromEntries(Object.keys(record.config.ExposedPorts ?? {}).map((port) => [port, null])),
    ...(record.macAddress === undefined ? {} : { macAddress: record.macAddress }),
  });
}

function mountsOf(record: ContainerRecord): MountPoint[] {
  return parseBinds(record.hostConfig)
    .filter(({ type }) => type === 'bind')
    .map(({ type, source, destination, mode, readonly, propagation }) => ({
      Type: type,
      Source: source,
      Destination: destination,
      Mode: mode,
      RW: !readonly,
      Propagation: propagation,
    }));
}

/** A container in Docker's full shape (Engine API, ContainerInspect). */
export function inspectView(parts: Parts, record: ContainerRecord, size: ContainerSize | undefined): ContainerInspect {
  const { state } = record;
  const files = parts.dataPaths.container(record.id);
  const execIds = isAlive(state) ? parts.execs.activeOf(record.id) : [];
  return {
    Id: record.id,
    Created: record.createdAt,
    Path: record.path,
    Args: [...record.args],
    State: {
      Status: state.status,
      Running: isAlive(state) || state.status === 'restarting',
      Paused: state.status === 'paused',
      Restarting: state.status === 'restarting',
      OOMKilled: state.oomKilled,
      Dead: state.status === 'dead',
      Pid: state.pid,
      ExitCode: state.exitCode,
      Error: state.error,
      StartedAt: state.startedAt,
      FinishedAt: state.finishedAt,
      ...healthView(parts.health.get(record.id)),
    },
    Image: record.imageId,
    ResolvConfPath: files.resolvConf,
    HostnamePath: files.hostname,
    HostsPath: files.hosts,
    LogPath: record.hostConfig.LogConfig?.Type === 'json-file' ? files.log : '',
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: parts.snapshots.name,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: hostConfigView(record.hostConfig),
    GraphDriver: {
      Data: {
        // One that is being removed has lost it already.
        ...(parts.snapshots.stat(record.id) === undefined ? {} : parts.snapshots.describe(record.id)),
        MergedDir: parts.execPaths.container(record.id).rootfs,
      },
      Name: parts.snapshots.name,
    },
    ...(size === undefined ? {} : { SizeRw: size.writableBytes, SizeRootFs: size.rootBytes }),
    Mounts: mountsOf(record),
    Config: configView(record),
    NetworkSettings: networkOf(parts, record),
  };
}

function healthView(health: Health | undefined): Pick<NonNullable<ContainerInspect['State']>, 'Health'> {
  if (health === undefined) return {};
  const log = health.log.map(({ startedAt, endedAt, exitCode, output }) => ({
    Start: startedAt,
    End: endedAt,
    ExitCode: exitCode,
    Output: output,
  }));
  return { Health: { Status: health.status, FailingStreak: health.failingStreak, Log: log } };
}

/** The configuration with the keys that clients look for even where nothing was set. */
function configView({ config }: ContainerRecord): ContainerInspect['Config'] {
  return {
    Hostname: config.Hostname ?? '',
    Domainname: config.Domainname ?? '',
    User: config.User ?? '',
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: config.Env ?? [],
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    Image: config.Image ?? '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: null,
    Labels: config.Labels ?? {},
    ...(config.StopSignal ? { StopSignal: config.StopSignal } : {}),
    ...(typeof config.StopTimeout === 'number' ? { StopTimeout: config.StopTimeout } : {}),
  };
}

/** A container as `ps` lists it. */
export function summaryView(
  parts: Parts,
  record: ContainerRecord,
  nowMs: number,
  size: ContainerSize | undefined,
): ContainerSummary {
  const mode = networkModeOf(record);
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: imageNameOf(parts, record),
    ImageID: record.imageId,
    Command: commandText(record),
    Created: Math.floor(Date.parse(record.createdAt) / 1000),
    Ports: Object.keys(record.config.ExposedPorts ?? {}).flatMap((port) =>
      isAlive(record.state) ? [portView(port)] : [],
    ),
    ...(size === undefined ? {} : { SizeRw: size.writableBytes, SizeRootFs: size.rootBytes }),
    Labels: record.config.Labels ?? {},
    State: record.state.status,
    Status: statusText(record.state, nowMs, parts.health.get(record.id)?.status),
    HostConfig: { NetworkMode: mode },
    NetworkSettings: { Networks: networkOf(parts, record).Networks },
    Mounts: mountsOf(record),
  };
}

/** What the user typed, unless the name has moved on to another image since: then the id. */
function imageNameOf({ images }: Parts, { config, imageId }: ContainerRecord): string {
  const typed = config.Image ?? '';
  try {
    return images.find(typed).id === imageId ? typed : imageId;
  } catch (error) {
    // The name has been taken away; what it meant is known by its id.
    if (error instanceof GantryError) return imageId;
    throw error;
  }
}

function portView(port: string): NonNullable<ContainerSummary['Ports']>[number] {
  const [number = '0', protocol = 'tcp'] = port.split('/');
  return { PrivatePort: Number(number), Type: protocol as 'tcp' };
}

/** The words as a shell user would read them: those with blanks or quotes are quoted. */
function commandText({ path, args }: ContainerRecord): string {
  return [path, ...args.map((word) => (/[\s'"]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word))].join(' ');
}
