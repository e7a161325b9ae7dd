import type { components } from './engine.types.ts';

export * from './routes.ts';

type Schemas = components['schemas'];

/** What X-Registry-Auth carries: the document's fields, and the tokens that clients send too. */
export type AuthConfig = Schemas['AuthConfig'] & { auth?: string; identitytoken?: string; registrytoken?: string };
/** Every field may be missing or null on the wire: Go's zero value. */
type Nullable<T> = { [K in keyof T]?: T[K] | null };
/** Null where Docker sends it for what is empty. */
type NullIn<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

export type ContainerConfig = Nullable<Schemas['ContainerConfig']>;
export type ContainerCreateResponse = Schemas['ContainerCreateResponse'];
export type ContainerInspect = Nullable<
  Omit<Schemas['ContainerInspectResponse'], 'Config' | 'HostConfig' | 'NetworkSettings'>
> & {
  Config?: ContainerConfig;
  HostConfig?: HostConfig;
  NetworkSettings?: NetworkSettings;
};
/** What the kernel's version does not count is null. */
export type ContainerStats = Omit<Schemas['ContainerStatsResponse'], 'blkio_stats'> & {
  blkio_stats?: Nullable<Schemas['ContainerBlkioStats']>;
};
export type ContainerSummary = Omit<Schemas['ContainerSummary'], 'NetworkSettings'> & {
  NetworkSettings?: Pick<NetworkSettings, 'Networks'>;
};
export type ContainerTop = Schemas['ContainerTopResponse'];
export type ContainerUpdateResponse = NullIn<Schemas['ContainerUpdateResponse'], 'Warnings'>;
export type ContainerWait = Schemas['ContainerWaitResponse'];
export type EndpointSettings = Nullable<Schemas['EndpointSettings']>;
/** Events of containers and images also carry the fields that events had before they had actors. */
export type EventMessage = Schemas['EventMessage'] & { status?: string; id?: string; from?: string };
export type HealthConfig = Schemas['HealthConfig'];
export type HostConfig = Nullable<Schemas['HostConfig']>;
export type ImageDeleteItem = Schemas['ImageDeleteResponseItem'];
export type ImageHistoryItem = NullIn<Schemas['ImageHistoryResponseItem'], 'Tags'>;
export type ImageInspect = Schemas['ImageInspect'];
export type ImageSummary = NullIn<Schemas['ImageSummary'], 'Labels'>;
export type MountPoint = Schemas['MountPoint'];
export type NetworkSettings = Nullable<Omit<Schemas['NetworkSettings'], 'Networks' | 'Ports'>> & {
  /** Null for a port that is exposed and not published. */
  Ports?: Record<string, Schemas['PortBinding'][] | null>;
  Networks?: Record<string, EndpointSettings>;
};
export type NetworkingConfig = { EndpointsConfig?: Record<string, EndpointSettings | null> | null };
/** Isolation is empty where it means nothing, which is everywhere but on Windows. */
export type SystemInfo = Omit<NullIn<Schemas['SystemInfo'], 'GenericResources'>, 'Plugins' | 'Swarm' | 'Isolation'> & {
  Plugins?: NullIn<Schemas['PluginsInfo'], 'Authorization'>;
  Swarm?: NullIn<Schemas['SwarmInfo'], 'RemoteManagers'>;
  Isolation?: Schemas['SystemInfo']['Isolation'] | '';
};
/** The document leaves the details of a component open; they are texts. */
export type SystemVersion = Omit<Schemas['SystemVersion'], 'Components'> & {
  Components?: { Name: string; Version: string; Details?: Record<string, string> }[];
};

/** Body of POST /containers/create. */
export type ContainerCreateRequest = ContainerConfig & {
  HostConfig?: HostConfig | null;
  NetworkingConfig?: NetworkingConfig | null;
};

/** Body of POST /containers/{id}/update. */
export type ContainerUpdateRequest = Nullable<Schemas['Resources']> & Pick<HostConfig, 'RestartPolicy'>;

/** Body of POST /containers/{id}/exec. */
export interface ExecCreateRequest {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ConsoleSize?: [number, number] | null;
  DetachKeys?: string;
  Tty?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
}

/** Body of POST /exec/{id}/start. */
export interface ExecStartRequest {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: [number, number] | null;
}

/** Answer of GET /exec/{id}/json. */
export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: { tty: boolean; entrypoint: string; arguments: string[]; privileged: boolean; user?: string };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  DetachKeys: string;
  Pid: number;
}

/** One line of a pull's, push's, load's or build's progress (a JSON object per line on the wire). */
export interface ProgressMessage {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  progress?: string;
  stream?: string;
  aux?: unknown;
  error?: string;
  errorDetail?: { code?: number; message: string };
}

/** Answer of POST /containers/prune. */
export interface ContainersPruned {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** Answer of POST /images/prune. */
export interface ImagesPruned {
  ImagesDeleted: ImageDeleteItem[] | null;
  SpaceReclaimed: number;
}

/** One element of the answer of GET /containers/{id}/changes; 0 is modified, 1 added, 2 deleted. */
export interface ContainerChange {
  Path: string;
  Kind: 0 | 1 | 2;
}
