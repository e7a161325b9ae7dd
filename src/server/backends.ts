/**
 * What the server needs from the engine, one narrow interface per resource. The engine's use cases satisfy them; the
 * in-process HTTP tests satisfy them with fakes. A method throws GantryError; the server's table gives the status.
 */
import type { Writable } from 'node:stream';

import type {
  AuthConfig,
  ContainerChange,
  ContainerConfig,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainersPruned,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWait,
  EventMessage,
  ExecCreateRequest,
  ExecInspect,
  ExecStartRequest,
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImagesPruned,
  ImageSummary,
  ProgressMessage,
  SystemInfo,
  SystemVersion,
} from '../api/index.ts';

/** Filters as decoded from the query: key to the set of accepted values (a map of sets or of arrays on the wire). */
export type Filters = ReadonlyMap<string, ReadonlySet<string>>;

/** A piece of a process's output. With a TTY everything is stdout. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

/** An attached client's view of a process's streams. */
export interface StreamSession {
  readonly tty: boolean;
  /** What the process writes, in the order read, from the moment of the attach; ends when its streams have ended. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Where the client's input goes; absent when stdin was not asked for or is not open. `end()` passes EOF on. */
  readonly stdin: Writable | undefined;
  /** Aborts, with the reason, when the client takes too little: it is disconnected without waiting for it. */
  readonly dropped?: AbortSignal;
  /** The client has gone (or has detached): gives up buffers; the process goes on. Idempotent. */
  close(): void;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Stream from now on. */
  readonly stream: boolean;
  /** Replay the log first. */
  readonly logs: boolean;
  readonly detachKeys: string | undefined;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Nanoseconds since the epoch, inclusive. */
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** Lines from the end; undefined means all. */
  readonly tail: number | undefined;
}

/** A log being read: the lines as the client shall get them (timestamps and details already in front). */
export interface LogSession {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputChunk>;
  close(): void;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ContainerListOptions {
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly size: boolean;
  readonly filters: Filters;
}

export interface CommitRequest {
  readonly container: string;
  readonly repo: string | undefined;
  readonly tag: string | undefined;
  readonly comment: string;
  readonly author: string;
  /** Freeze the container while its files are read. */
  readonly pause: boolean;
  /** Lines of a Dockerfile that change the configuration. */
  readonly changes: readonly string[];
  /** Undefined: the container's own. */
  readonly config: ContainerConfig | undefined;
}

/** `ref` below is what the client typed: a full id, a unique prefix of one, or a name with or without its slash. */
export interface ContainerBackend {
  create(request: {
    readonly name: string | undefined;
    readonly platform: string | undefined;
    readonly body: ContainerCreateRequest;
  }): Promise<ContainerCreateResponse>;
  list(options: ContainerListOptions): Promise<ContainerSummary[]>;
  inspect(ref: string, options: { readonly size: boolean }): Promise<ContainerInspect>;
  start(ref: string): Promise<void>;
  /** `timeoutSeconds` -1 waits for ever; undefined takes the container's own, else 10. */
  stop(
    ref: string,
    options: { readonly timeoutSeconds: number | undefined; readonly signal: string | undefined },
  ): Promise<void>;
  restart(
    ref: string,
    options: { readonly timeoutSeconds: number | undefined; readonly signal: string | undefined },
  ): Promise<void>;
  kill(ref: string, signal: string | undefined): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  remove(
    ref: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void>;
  /** Resolves when the wait has been registered; `exit` resolves when the condition holds. */
  wait(ref: string, condition: WaitCondition, signal: AbortSignal): Promise<{ readonly exit: Promise<ContainerWait> }>;
  attach(ref: string, options: AttachOptions): Promise<StreamSession>;
  logs(ref: string, options: LogOptions): Promise<LogSession>;
  resize(ref: string, size: { readonly height: number; readonly width: number }): Promise<void>;
  top(ref: string, psArgs: string | undefined): Promise<ContainerTop>;
  /** With `stream` a sample a second until the container is removed or `signal` aborts, else one in all. */
  stats(
    ref: string,
    options: { readonly stream: boolean; readonly oneShot: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerStats>>;
  update(ref: string, body: ContainerUpdateRequest): Promise<ContainerUpdateResponse>;
  /** Null: nothing has changed. */
  changes(ref: string): Promise<ContainerChange[] | null>;
  /** The archive is made while it is read; one that is not read to its end is to be closed. */
  export(ref: string): Promise<{ readonly chunks: AsyncIterable<Uint8Array>; close(): void }>;
  commit(request: CommitRequest): Promise<{ Id: string }>;
  prune(filters: Filters): Promise<ContainersPruned>;
}

/** What lies at a path of a container. */
export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  /** As Go's os.FileMode has it. */
  readonly mode: number;
  readonly mtimeNs: bigint;
  readonly linkTarget: string;
}

export interface ArchiveBackend {
  stat(ref: string, path: string): Promise<PathStat>;
  /** The archive is made while it is read; one that is not read to its end is to be closed. */
  get(
    ref: string,
    path: string,
  ): Promise<{
    readonly stat: PathStat;
    readonly content: { readonly chunks: AsyncIterable<Uint8Array>; close(): void };
  }>;
  put(
    ref: string,
    request: {
      readonly path: string;
      readonly chunks: AsyncIterable<Uint8Array>;
      readonly noOverwriteDirNonDir: boolean;
      readonly copyUidGid: boolean;
    },
  ): Promise<void>;
}

export interface ExecBackend {
  create(containerRef: string, body: ExecCreateRequest): Promise<{ Id: string }>;
  /** Throws what would refuse a start at once: `notFound`, `conflict`. */
  expectStartable(id: string): Promise<void>;
  /** Starts it; resolves when the process runs. With `Detach` there is no session. */
  start(id: string, body: ExecStartRequest): Promise<StreamSession | undefined>;
  resize(id: string, size: { readonly height: number; readonly width: number }): Promise<void>;
  inspect(id: string): Promise<ExecInspect>;
}

export interface ImageListOptions {
  readonly all: boolean;
  readonly digests: boolean;
  readonly sharedSize: boolean;
  readonly manifests: boolean;
  readonly filters: Filters;
}

export interface ImageBackend {
  list(options: ImageListOptions): Promise<ImageSummary[]>;
  inspect(
    name: string,
    options: { readonly platform: string | undefined; readonly manifests: boolean },
  ): Promise<ImageInspect>;
  history(name: string, options: { readonly platform: string | undefined }): Promise<ImageHistoryItem[]>;
  tag(name: string, target: { readonly repo: string; readonly tag: string | undefined }): Promise<void>;
  remove(name: string, options: { readonly force: boolean; readonly noPrune: boolean }): Promise<ImageDeleteItem[]>;
  prune(filters: Filters): Promise<ImagesPruned>;
  /**
   * Pulls. What can be refused before the first byte of progress (a bad reference) throws; later failures throw too and
   * the server then ends the stream with an error message.
   */
  pull(
    request: {
      readonly fromImage: string;
      readonly tag: string | undefined;
      readonly platform: string | undefined;
      readonly auth: AuthConfig | undefined;
    },
    report: (message: ProgressMessage) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface EventBackend {
  /** Past events since `sinceNs` and, unless `untilNs` has passed, those to come. Ends with `signal` or at `untilNs`. */
  events(
    options: { readonly sinceNs: bigint | undefined; readonly untilNs: bigint | undefined; readonly filters: Filters },
    signal: AbortSignal,
  ): AsyncIterable<EventMessage>;
}

export interface SystemBackend {
  info(): Promise<SystemInfo>;
  version(): Promise<SystemVersion>;
}

export interface Backends {
  readonly containers: ContainerBackend;
  readonly archives: ArchiveBackend;
  readonly execs: ExecBackend;
  readonly images: ImageBackend;
  readonly events: EventBackend;
  readonly system: SystemBackend;
}
