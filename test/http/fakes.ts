/** Backends that answer with canned values and remember what they were asked. */
import { PassThrough, Writable } from 'node:stream';

import { GantryError } from '../../src/base/index.ts';
import type {
  ArchiveBackend,
  ContainerBackend,
  EventBackend,
  ExecBackend,
  ImageBackend,
  OutputChunk,
  StreamSession,
  SystemBackend,
} from '../../src/server/index.ts';

export const containerId = 'a'.repeat(64);
export const imageId = `sha256:${'b'.repeat(64)}`;
export const execId = 'c'.repeat(64);

/** A session whose process the test plays: output is what it pushes, input is collected. */
export class FakeSession implements StreamSession {
  readonly tty: boolean;
  readonly stdin: Writable | undefined;
  readonly received: Buffer[] = [];
  readonly inputEnded = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();
  readonly #source = new PassThrough({ objectMode: true });
  readonly #dropped = new AbortController();

  constructor({ tty = false, stdin = true }: { tty?: boolean; stdin?: boolean } = {}) {
    this.tty = tty;
    const { received, inputEnded } = this;
    this.stdin = !stdin
      ? undefined
      : new Writable({
          write(chunk: Buffer, _encoding, callback) {
            received.push(chunk);
            callback();
          },
          final(callback) {
            inputEnded.resolve();
            callback();
          },
        });
  }

  get output(): AsyncIterable<OutputChunk> {
    return this.#source as AsyncIterable<OutputChunk>;
  }

  get dropped(): AbortSignal {
    return this.#dropped.signal;
  }

  /** The engine gives the client up. */
  drop(): void {
    this.#dropped.abort(new GantryError('unavailable', 'the client was disconnected'));
  }

  print(stream: 'stdout' | 'stderr', text: string | Uint8Array): void {
    this.#source.write({ stream, data: Buffer.from(text) });
  }

  /** The process has ended. */
  finish(): void {
    this.#source.end();
  }

  close(): void {
    this.closed.resolve();
    this.#source.end();
  }
}

type Calls = { readonly name: string; readonly arguments: unknown[] }[];

/** Turns each function of a backend into one that notes its call. */
function noting<T extends object>(calls: Calls, backend: T): T {
  const entries = Object.entries(backend).map(([name, method]) => [
    name,
    (...given: unknown[]): unknown => {
      calls.push({ name, arguments: given });
      return (method as (...given: unknown[]) => unknown)(...given);
    },
  ]);
  return Object.fromEntries(entries) as T;
}

export interface Fakes {
  readonly containers: ContainerBackend;
  readonly archives: ArchiveBackend;
  readonly execs: ExecBackend;
  readonly images: ImageBackend;
  readonly events: EventBackend;
  readonly system: SystemBackend;
  /** Every call so far, in order. */
  readonly calls: Calls;
}

const inspect = {
  Id: containerId,
  Created: '2026-01-02T03:04:05.000000006Z',
  Path: 'true',
  Args: [],
  State: { Status: 'running', Running: true, Pid: 42, ExitCode: 0 } as const,
  Image: imageId,
  Name: '/brave_noether',
  RestartCount: 0,
  Driver: 'overlay2',
  Platform: 'linux',
  HostConfig: { Binds: null, NetworkMode: 'bridge' },
  Config: { Hostname: 'aaaaaaaaaaaa', Tty: false, Cmd: ['true'], Entrypoint: null },
  NetworkSettings: { Networks: { bridge: { Aliases: null }, own: { Aliases: ['web'] } } },
  ImageManifestDescriptor: { digest: imageId },
};

const summary = {
  Id: containerId,
  Names: ['/brave_noether'],
  Image: 'busybox',
  ImageID: imageId,
  Command: 'true',
  Created: 1_767_323_045,
  Ports: [],
  Labels: {},
  State: 'running' as const,
  Status: 'Up 5 minutes',
  HostConfig: { NetworkMode: 'bridge' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

const imageSummary = {
  Id: imageId,
  ParentId: '',
  RepoTags: [],
  RepoDigests: [],
  Created: 1_767_323_045,
  Size: 4_000_000,
  SharedSize: -1,
  Labels: {},
  Containers: -1,
};

const imageInspect = {
  Id: imageId,
  RepoTags: ['busybox:latest'],
  RepoDigests: [],
  Created: '2026-01-02T03:04:05Z',
  Config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
  Architecture: 'amd64',
  Os: 'linux',
  Size: 4_000_000,
  RootFS: { Type: 'layers', Layers: [] },
};

async function* statsSamples() {
  yield { name: '/brave_noether', id: containerId, read: '2026-01-02T03:04:05Z', pids_stats: { limit: 2 ** 64 } };
}

async function* exported() {
  yield Buffer.from('an archive');
}

const defaultContainers = {
  create: async () => ({ Id: containerId, Warnings: [] }),
  list: async () => [summary],
  inspect: async () => inspect,
  start: async () => {},
  stop: async () => {},
  restart: async () => {},
  kill: async () => {},
  pause: async () => {},
  unpause: async () => {},
  rename: async () => {},
  remove: async () => {},
  wait: async () => ({ exit: Promise.resolve({ StatusCode: 3 }) }),
  attach: async () => new FakeSession(),
  logs: async () => new FakeSession(),
  resize: async () => {},
  changes: async () => [{ Path: '/etc', Kind: 0 as const }],
  export: async () => ({ chunks: exported(), close: () => {} }),
  commit: async () => ({ Id: imageId }),
  top: async () => ({ Titles: ['PID', 'CMD'], Processes: [['42', 'true']] }),
  async stats() {
    return statsSamples();
  },
  update: async () => ({ Warnings: null }),
  prune: async () => ({ ContainersDeleted: [containerId], SpaceReclaimed: 7 }),
} satisfies ContainerBackend;

const defaultExecs = {
  create: async () => ({ Id: execId }),
  expectStartable: async () => {},
  start: async () => new FakeSession(),
  resize: async () => {},
  inspect: async () => ({
    ID: execId,
    Running: false,
    ExitCode: 0,
    ProcessConfig: { tty: false, entrypoint: 'true', arguments: [], privileged: false },
    OpenStdin: false,
    OpenStderr: true,
    OpenStdout: true,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: '',
    Pid: 43,
  }),
} satisfies ExecBackend;

const defaultImages = {
  list: async () => [imageSummary],
  inspect: async () => imageInspect as never,
  history: async () => [{ Id: imageId, Created: 1, CreatedBy: 'sh', Tags: [], Size: 0, Comment: '' }],
  tag: async () => {},
  remove: async () => [{ Untagged: 'busybox:latest' }, { Deleted: imageId }],
  prune: async () => ({ ImagesDeleted: [{ Deleted: imageId }], SpaceReclaimed: 9 }),
  pull: async (_request, report) => {
    report({ status: 'Pulling from library/busybox', id: 'latest' });
    report({ status: 'Status: Downloaded newer image for busybox:latest' });
  },
} satisfies ImageBackend;

const defaultEvents = {
  async *events() {
    yield {
      Type: 'container' as const,
      Action: 'start',
      Actor: { ID: containerId, Attributes: { image: 'busybox' } },
      scope: 'local' as const,
      time: 1_767_323_045,
      timeNano: 1_767_323_045_145_321_000,
    };
  },
} satisfies EventBackend;

const defaultSystem = {
  info: async () => ({ ID: 'fake', Containers: 1, Images: 1, OSType: 'linux', NCPU: 2, MemTotal: 1024 }) as never,
  version: async () => ({ Version: '0.1.0', ApiVersion: '1.50', MinAPIVersion: '1.24', Os: 'linux', Arch: 'amd64' }),
} satisfies SystemBackend;

const pathStat = { name: 'f', sizeBytes: 3, mode: 0o644, mtimeNs: 1_767_323_045_000_000_006n, linkTarget: '' };

const defaultArchives = {
  stat: async () => pathStat,
  get: async () => ({
    stat: pathStat,
    content: { chunks: ReadableStream.from([Buffer.from('a tar')]), close: () => {} },
  }),
  put: async (_ref, { chunks }) => {
    for await (const _ of chunks);
  },
} satisfies ArchiveBackend;

/** A set of backends; a test replaces the functions that it is about. */
export function fakeBackends(
  own: {
    containers?: Partial<ContainerBackend>;
    archives?: Partial<ArchiveBackend>;
    execs?: Partial<ExecBackend>;
    images?: Partial<ImageBackend>;
    events?: Partial<EventBackend>;
    system?: Partial<SystemBackend>;
  } = {},
): Fakes {
  const calls: Calls = [];
  return {
    containers: noting(calls, { ...defaultContainers, ...own.containers }),
    archives: noting(calls, { ...defaultArchives, ...own.archives }),
    execs: noting(calls, { ...defaultExecs, ...own.execs }),
    images: noting(calls, { ...defaultImages, ...own.images }),
    events: noting(calls, { ...defaultEvents, ...own.events }),
    system: noting(calls, { ...defaultSystem, ...own.system }),
    calls,
  };
}
