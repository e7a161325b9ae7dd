/**
 * What clients of older API versions get and may send. Handlers and the engine know the newest version only; every
 * difference is here. The changes are those of the Engine API's version history, for the endpoints that are served.
 */
import type {
  ContainerCreateRequest,
  ContainerInspect,
  ContainerSummary,
  ContainerUpdateRequest,
  ExecCreateRequest,
  ExecStartRequest,
  ImageInspect,
  ImageSummary,
} from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import type { WaitCondition } from './backends.ts';

/** The minor number of an API version: 50 stands for 1.50. */
export type ApiVersion = number;

export const oldestVersion: ApiVersion = 24;
export const newestVersion: ApiVersion = 50;

/** `1.50` for 50. */
export function formatVersion(version: ApiVersion): string {
  return `1.${version}`;
}

/** Reads what stands after `/v` in a path; throws `invalid` when it is not a version that is served. */
export function parseVersion(text: string): ApiVersion {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (match === null) throw new GantryError('invalid', `invalid API version ${JSON.stringify(text)}`);
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major < 1 || (major === 1 && minor < oldestVersion)) {
    throw new GantryError(
      'invalid',
      `client version ${text} is too old. Minimum supported API version is ${formatVersion(oldestVersion)}, please upgrade your client to a newer version`,
    );
  }
  if (major > 1 || minor > newestVersion) {
    throw new GantryError(
      'invalid',
      `client version ${text} is too new. Maximum supported API version is ${formatVersion(newestVersion)}`,
    );
  }
  return minor;
}

const rawStream = 'application/vnd.docker.raw-stream';
const multiplexedStream = 'application/vnd.docker.multiplexed-stream';

/** The type of a process's streams. Before 1.42 frames are announced as raw, too. */
export function streamContentType(version: ApiVersion, tty: boolean): string {
  return tty || version < 42 ? rawStream : multiplexedStream;
}

/** The type said when a connection is hijacked without `Upgrade`: it never tells frames from raw bytes. */
export const legacyHijackContentType = rawStream;

/** Which streams an attach over WebSocket takes: before 1.42 all of them, whatever the query says. */
export function webSocketStreams<T extends Record<'stdin' | 'stdout' | 'stderr', boolean>>(
  version: ApiVersion,
  asked: T,
): T {
  return version >= 42 ? asked : { ...asked, stdin: true, stdout: true, stderr: true };
}

/** Before 1.28 messages of an attach over WebSocket are text. */
export function webSocketIsText(version: ApiVersion): boolean {
  return version < 28;
}

/** A query value that came with a later version counts as not given. */
export function sinceVersion<T>(version: ApiVersion, since: ApiVersion, value: T): T | undefined {
  return version < since ? undefined : value;
}

/** Wait conditions came with 1.30; before, a wait is for the container not to run. Throws `invalid` for unknown ones. */
export function waitCondition(version: ApiVersion, text: string | undefined): WaitCondition {
  if (version < 30 || text === undefined || text === '') return 'not-running';
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text;
  throw new GantryError('invalid', `invalid condition: ${JSON.stringify(text)}`);
}

/** Before 1.30 the headers of a wait come with its end. */
export function waitAnswersAtOnce(version: ApiVersion): boolean {
  return version >= 30;
}

/** Takes out of a create body what its version does not know, and puts in what that version's clients rely on. */
export function shapeCreateRequest(version: ApiVersion, body: ContainerCreateRequest): ContainerCreateRequest {
  if (version >= 48) return body;
  const networks = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
  if (version < 44 && networks.length > 1) {
    throw new GantryError(
      'invalid',
      `Container cannot be created with multiple network endpoints: ${networks.join(', ')}`,
      { hint: 'Use API version 1.44 or newer, or connect the other networks afterwards.' },
    );
  }
  const shaped: ContainerCreateRequest = { ...body };
  if (version < 44 && shaped.Healthcheck != null) {
    const { StartInterval: _, ...healthcheck } = shaped.Healthcheck;
    shaped.Healthcheck = healthcheck;
  }
  shaped.HostConfig = shapeHostConfig(version, body.HostConfig ?? {});
  return shaped;
}

function shapeHostConfig(
  version: ApiVersion,
  given: NonNullable<ContainerCreateRequest['HostConfig']>,
): NonNullable<ContainerCreateRequest['HostConfig']> {
  const shaped = { ...given };
  if (version < 25) delete shaped.AutoRemove;
  if (version < 40) {
    if (!shaped.IpcMode) shaped.IpcMode = 'shareable';
    if ((shaped.PidsLimit ?? 0) <= 0) delete shaped.PidsLimit;
    delete shaped.DeviceRequests;
  }
  if (version < 41 && !shaped.CgroupnsMode) shaped.CgroupnsMode = 'host';
  if (version < 42) delete shaped.ConsoleSize;
  if (version < 43) delete shaped.Annotations;
  shaped.Mounts = shaped.Mounts?.map((mount) => shapeMount(version, mount));
  return shaped;
}

type Mount = NonNullable<NonNullable<ContainerCreateRequest['HostConfig']>['Mounts']>[number];

function shapeMount(version: ApiVersion, mount: Mount): Mount {
  if (version < 45 && mount.VolumeOptions?.Subpath) {
    throw new GantryError('invalid', 'VolumeOptions.Subpath needs API v1.45 or newer');
  }
  if (mount.Type === 'image' || mount.ImageOptions != null) {
    throw new GantryError('invalid', 'mounts of type image need API v1.48 or newer');
  }
  if (mount.BindOptions == null) return mount;
  const options: Partial<NonNullable<Mount['BindOptions']>> = { ...mount.BindOptions };
  if (version < 40) delete options.NonRecursive;
  if (version < 42) delete options.CreateMountpoint;
  if (version < 44) {
    delete options.ReadOnlyNonRecursive;
    delete options.ReadOnlyForceRecursive;
  }
  return { ...mount, BindOptions: options as NonNullable<Mount['BindOptions']> };
}

/** Before 1.40 a limit of pids cannot be updated. */
export function shapeUpdateRequest(version: ApiVersion, body: ContainerUpdateRequest): ContainerUpdateRequest {
  return version >= 40 ? body : { ...body, PidsLimit: undefined };
}

/** Takes out of an exec's body what its version does not know. */
export function shapeExecCreateRequest(version: ApiVersion, body: ExecCreateRequest): ExecCreateRequest {
  const shaped = { ...body };
  if (version < 25) delete shaped.Env;
  if (version < 35) delete shaped.WorkingDir;
  if (version < 42) delete shaped.ConsoleSize;
  return shaped;
}

/** Takes out of an exec start's body what its version does not know. */
export function shapeExecStartRequest(version: ApiVersion, body: ExecStartRequest): ExecStartRequest {
  if (version >= 42) return body;
  return { ...body, ConsoleSize: undefined };
}

const predefinedNetworks = new Set(['bridge', 'host', 'none', 'default']);

/** Before 1.45 the aliases on a user's network include the short id; before 1.48 there are no descriptors. */
export function shapeContainerInspect(version: ApiVersion, inspect: ContainerInspect): ContainerInspect {
  if (version >= 48) return inspect;
  const shaped: ContainerInspect = { ...inspect };
  delete shaped.ImageManifestDescriptor;
  if (version >= 45 || shaped.NetworkSettings?.Networks == null) return shaped;
  const own = [inspect.Id?.slice(0, 12), inspect.Config?.Hostname].filter((name) => name != null && name !== '');
  const networks = Object.entries(shaped.NetworkSettings.Networks).map(([name, endpoint]) => {
    if (predefinedNetworks.has(name)) return [name, endpoint] as const;
    const aliases = [...new Set([...(endpoint.Aliases ?? []), ...own])] as string[];
    return [name, { ...endpoint, Aliases: aliases }] as const;
  });
  shaped.NetworkSettings = { ...shaped.NetworkSettings, Networks: Object.fromEntries(networks) };
  return shaped;
}

/** Before 1.48 there are no descriptors. */
export function shapeContainerSummary(version: ApiVersion, summary: ContainerSummary): ContainerSummary {
  if (version >= 48) return summary;
  const shaped = { ...summary };
  delete shaped.ImageManifestDescriptor;
  return shaped;
}

/** Before 1.44 there is VirtualSize, before 1.43 untagged images have `<none>` names, before 1.47 no manifests. */
export function shapeImageSummary(version: ApiVersion, summary: ImageSummary): ImageSummary {
  if (version >= 48) return summary;
  const shaped: ImageSummary & { VirtualSize?: number } = { ...summary };
  delete shaped.Descriptor;
  if (version < 47) delete shaped.Manifests;
  if (version < 44) shaped.VirtualSize = summary.Size;
  if (version < 43 && summary.RepoTags.length === 0 && summary.RepoDigests.length === 0) {
    shaped.RepoTags = ['<none>:<none>'];
    shaped.RepoDigests = ['<none>@<none>'];
  }
  return shaped;
}

/** Fields of a container's configuration that stood, empty, in an image's before 1.50. */
const emptyContainerFields = {
  Hostname: '',
  Domainname: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: '',
};

/** Before 1.50 the configuration lists fields that only containers have, and nulls; before 1.44 there is VirtualSize. */
export function shapeImageInspect(version: ApiVersion, inspect: ImageInspect): ImageInspect {
  if (version >= 50) return inspect;
  const shaped: ImageInspect & { VirtualSize?: number } = { ...inspect };
  const nulls = { User: '', Env: null, Cmd: null, Volumes: null, WorkingDir: '', Entrypoint: null, OnBuild: null };
  const config = { ...emptyContainerFields, ...nulls, Labels: null, ...inspect.Config };
  shaped.Config = config as NonNullable<ImageInspect['Config']>;
  if (version < 49) delete shaped.Manifests;
  if (version < 48) delete shaped.Descriptor;
  if (version < 44) {
    shaped.VirtualSize = inspect.Size;
    shaped.Created ??= '0001-01-01T00:00:00Z';
  }
  return shaped;
}
