import type { components } from './engine.types.ts';

export * from './routes.ts';

type Schemas = components['schemas'];

/** What X-Registry-Auth carries: the document's fields, and the tokens that clients send too. */
export type AuthConfig = Schemas['AuthConfig'] & { auth?: string; identitytoken?: string; registrytoken?: string };
/** Every field may be missing or null on the wire: Go's zero value. */
type Nullable<T> = { [K in keyof T]?: T[K] | null };

export type ContainerConfig = Nullable<Schemas['ContainerConfig']>;
export type ContainerCreateResponse = Schemas['ContainerCreateResponse'];
export type ContainerInspect = Nullable<Omit<Schemas['ContainerInspectResponse'], 'Config' | 'HostConfig'>> & {
  Config?: ContainerConfig;
  HostConfig?: HostConfig;
};
export type ContainerSummary = Schemas['ContainerSummary'];
export type ContainerTop = Schemas['ContainerTopResponse'];
export type ContainerWait = Schemas['ContainerWaitResponse'];
export type EndpointSettings = Schemas['EndpointSettings'];
/** Events of containers and images also carry the fields that events had before they had actors. */
export type EventMessage = Schemas['EventMessage'] & { status?: string; id?: string; from?: string };
export type HealthConfig = Schemas['HealthConfig'];
export type HostConfig = Nullable<Schemas['HostConfig']>;
export type ImageDeleteItem = Schemas['ImageDeleteResponseItem'];
export type ImageHistoryItem = Schemas['ImageHistoryResponseItem'];
export type ImageInspect = Schemas['ImageInspect'];
export type ImageSummary = Schemas['ImageSummary'];
export type MountPoint = Schemas['MountPoint'];
export type NetworkingConfig = Schemas['NetworkingConfig'];
export type PortMap = Schemas['PortMap'];
export type SystemInfo = Schemas['SystemInfo'];
/** The document leaves the details of a component open; they are texts. */
export type SystemVersion = Omit<Schemas['SystemVersion'], 'Components'> & {
  Components?: { Name: string; Version: string; Details?: Record<string, string> }[];
};

/** Body of POST /containers/create. */
export type ContainerCreateRequest = ContainerConfig & {
  HostConfig?: HostConfig | null;
  NetworkingConfig?: NetworkingConfig | null;
};

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
