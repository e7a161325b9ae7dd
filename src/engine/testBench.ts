/** An engine's parts for tests: real records, locks, waiters and logs in a directory of their own; the kernel's side is fake. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { GantryError, KeyedLock, silentLogger, systemClock, zeroTime } from '../base/index.ts';
import { Containers, createdState, Waiters, type ContainerRecord, type Health } from '../containers/index.ts';
import type { EventJournal } from '../events/index.ts';
import { RecordingMounter } from '../linux/index.ts';
import type { BridgeNetwork, Sandbox } from '../network/index.ts';
import { digestOf, type Digest } from '../oci/index.ts';
import {
  everyLimit,
  type ExecRequest,
  type OciRuntime,
  type ProcessExit,
  type RunRequest,
  type RuntimeProcess,
} from '../runtime/index.ts';
import { dataPaths, execPaths, spillFiles, type SnapshotInfo, type Snapshotter } from '../store/index.ts';

import { ContainerLogs } from './containerLogs.ts';
import { Execs } from './execs.ts';
import { HealthWatch } from './healthWatch.ts';
import { LiveContainers } from './live.ts';
import type { StartParts } from './startContainer.ts';

/** A process that ends when the test, or a signal that it heeds, says so. */
export class FakeProcess implements RuntimeProcess {
  readonly pid: number;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly stdin = undefined;
  readonly signals: number[] = [];
  readonly heeded: Set<number> = new Set([9, 15]);
  readonly ended: Promise<void>;
  readonly exit: Promise<ProcessExit>;
  readonly #exited = Promise.withResolvers<ProcessExit>();

  constructor(pid: number) {
    this.pid = pid;
    this.exit = this.#exited.promise;
    this.ended = this.exit.then(() => {});
  }

  end(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#exited.resolve({ code, finishedAt: new Date() });
  }

  signal(signal: number): boolean {
    this.signals.push(signal);
    if (this.heeded.has(signal)) this.end(128 + signal);
    return true;
  }

  resize(): void {}

  release(): void {}
}

export class FakeRuntime implements OciRuntime {
  readonly name = 'fake';
  readonly path = '/usr/bin/fake';
  /** All that were started, the latest last. */
  readonly started: FakeProcess[] = [];
  /** All execs that were started, the latest last. */
  readonly executed: FakeProcess[] = [];
  /** Thrown by every exec. */
  execRefusal: Error | undefined;
  /** What an earlier daemon left, by state directory. */
  readonly left = new Map<string, FakeProcess>();
  readonly deleted: string[] = [];
  readonly discarded: string[] = [];
  /** So many of the next reattachments fail. */
  failedReattachments = 0;
  /** Thrown by the next run. */
  refusal: Error | undefined;
  /** A run waits for it. */
  gate: Promise<void> = Promise.resolve();

  get latest(): FakeProcess {
    const process = this.started.at(-1);
    if (process === undefined) throw new Error('nothing was started');
    return process;
  }

  async run(_request: RunRequest): Promise<RuntimeProcess> {
    await this.gate;
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal !== undefined) throw refusal;
    const process = new FakeProcess(1000 + this.started.length);
    this.started.push(process);
    return process;
  }

  async exec(_request: ExecRequest): Promise<RuntimeProcess> {
    const { execRefusal } = this;
    if (execRefusal !== undefined) throw execRefusal;
    const process = new FakeProcess(2000 + this.executed.length);
    this.executed.push(process);
    return process;
  }

  async reattach(stateDir: string): Promise<RuntimeProcess | undefined> {
    if (this.failedReattachments-- > 0) throw new Error('EMFILE: too many open files');
    return this.left.get(stateDir);
  }

  discard(stateDir: string): void {
    this.discarded.push(stateDir);
  }

  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  async delete(id: string): Promise<void> {
    this.deleted.push(id);
  }

  async version(): Promise<string> {
    return 'fake version 1';
  }
}

/** Snapshots that are names only. */
export class FakeSnapshots implements Snapshotter {
  readonly name = 'fake';
  readonly known = new Map<string, SnapshotInfo>();

  async prepare(key: string, parent?: string): Promise<void> {
    this.known.set(key, { key, kind: 'active', parent, createdAt: new Date(0) });
  }

  async apply(): Promise<void> {}

  async commit(name: string, key: string): Promise<void> {
    this.known.delete(key);
    this.known.set(name, { key: name, kind: 'committed', parent: undefined, createdAt: new Date(0) });
  }

  mounts(key: string): ReturnType<Snapshotter['mounts']> {
    return { type: 'bind', source: `/snapshots/${key}`, flags: ['bind'], options: [] };
  }

  async remove(key: string): Promise<void> {
    this.known.delete(key);
  }

  async changes(): Promise<never[]> {
    return [];
  }

  async writeLayer(): Promise<{ digest: Digest; sizeBytes: number; isEmpty: boolean }> {
    return { digest: digestOf('layer'), sizeBytes: 0, isEmpty: true };
  }

  async usage(): Promise<{ sizeBytes: number; inodes: number }> {
    return { sizeBytes: 0, inodes: 0 };
  }

  stat(key: string): SnapshotInfo | undefined {
    return this.known.get(key);
  }

  list(): Iterable<SnapshotInfo> {
    return [...this.known.values()];
  }

  describe(): Readonly<Record<string, string>> {
    return {};
  }

  async sweep(): Promise<void> {}
}

class FakeNetwork implements BridgeNetwork {
  readonly id = 'b'.repeat(64);
  readonly options: BridgeNetwork['options'] = {
    name: 'fake0',
    address: '172.18.0.1/16',
    isExternal: false,
    enableIpMasquerade: false,
    manageFirewall: false,
    mtu: 1500,
  };
  readonly attached = new Map<string, Sandbox>();

  async attach(containerId: string): Promise<Sandbox> {
    if (this.attached.has(containerId)) throw new GantryError('conflict', 'attached already');
    const sandbox = { id: 'c'.repeat(64), path: '/run/netns/fake', endpoint: undefined };
    this.attached.set(containerId, sandbox);
    return sandbox;
  }

  async detach(containerId: string): Promise<void> {
    this.attached.delete(containerId);
  }

  sandboxOf(containerId: string): Sandbox | undefined {
    return this.attached.get(containerId);
  }

  endpointOf(): undefined {
    return undefined;
  }

  async reconcile(live: ReadonlySet<string>): Promise<void> {
    for (const id of this.attached.keys()) if (!live.has(id)) this.attached.delete(id);
  }

  async close(): Promise<void> {}
}

/** Records in memory whose next put can be made to fail. */
export class MemoryRecords<T = ContainerRecord> extends Map<string, T> {
  failure: Error | undefined;

  put(id: string, record: T): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    this.set(id, record);
  }

  deleteLater(id: string): void {
    this.delete(id);
  }
}

export interface Bench {
  readonly parts: StartParts;
  readonly runtime: FakeRuntime;
  readonly snapshots: FakeSnapshots;
  readonly network: FakeNetwork;
  readonly mounter: RecordingMounter;
  readonly records: MemoryRecords;
  /** `container start`, `network connect`, ..., in order. */
  readonly events: string[];
  /** Adds a container with its snapshot. */
  add(id: string, changes?: Partial<ContainerRecord>): ContainerRecord;
  remove(): void;
}

/** `records`: those of an earlier daemon, for a restart. */
export function openBench(records = new MemoryRecords()): Bench {
  const root = mkdtempSync(join(tmpdir(), 'gantry-engine-'));
  const [runtime, snapshots, network, mounter] = [
    new FakeRuntime(),
    new FakeSnapshots(),
    new FakeNetwork(),
    new RecordingMounter(),
  ];
  const events: string[] = [];
  const journal: EventJournal = {
    publish: ({ type, action }) => void events.push(`${type} ${action}`),
    subscribe: () => {
      throw new Error('nobody listens here');
    },
    subscriberCount: 0,
  };
  const containers = new Containers(records);
  const parts: StartParts = {
    runtimes: new Map([['fake', runtime]]),
    snapshots,
    openSpill: spillFiles(join(root, 'spills')),
    network,
    networkIds: { bridge: network.id, host: 'host', none: 'none' },
    mounter,
    journal,
    containers,
    clock: systemClock,
    logger: silentLogger,
    waiters: new Waiters(),
    locks: new KeyedLock(),
    live: new LiveContainers(),
    execs: new Execs(),
    health: new HealthWatch(new MemoryRecords<Health>()),
    settings,
    host,
    cgroups: { mode: 'v2', version: 2, hierarchies: new Map(), unified: join(root, 'cgroup'), leftover: [] },
    dataPaths: dataPaths(join(root, 'data')),
    execPaths: execPaths(join(root, 'exec')),
    logs: new ContainerLogs(dataPaths(join(root, 'data')), systemClock),
  };
  const add = (id: string, changes: Partial<ContainerRecord> = {}): ContainerRecord => {
    containers.add({ ...recordOf(id), ...changes });
    void snapshots.prepare(id);
    return containers.find(id);
  };
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  return { parts, runtime, snapshots, network, mounter, records, events, add, remove };
}

function recordOf(id: string): ContainerRecord {
  return {
    id,
    name: `name-${id}`,
    createdAt: zeroTime,
    imageId: digestOf('image'),
    parentSnapshot: undefined,
    config: { Image: 'test' },
    hostConfig: { Runtime: 'fake', NetworkMode: 'bridge', LogConfig: { Type: 'json-file', Config: {} } },
    path: '/bin/true',
    args: [],
    state: createdState,
    restartCount: 0,
    macAddress: undefined,
  };
}

const host: StartParts['host'] = {
  architecture: 'amd64',
  cgroupVersion: 2,
  support: everyLimit,
  cpuCount: 1,
  capabilities: ['CAP_CHOWN'],
  oomScoreAdj: 0,
  hardLimits: {},
  devicesAt: () => [],
};

const settings: StartParts['settings'] = {
  version: '0',
  daemonId: 'test',
  hostName: 'test',
  labels: [],
  cgroupParent: '/gantry',
  cgroupVersion: 2,
  defaultRuntime: 'fake',
  logDriver: 'json-file',
  logOptions: {},
  maxConcurrentDownloads: 3,
  registryMirrors: [],
  insecureRegistries: [],
  debug: false,
  initPath: undefined,
  init: false,
  defaultUlimits: [],
  defaultShmSizeBytes: 2 ** 26,
  defaultCgroupnsMode: 'private',
  liveRestore: true,
};

/** Lets the event loop turn until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 100_000) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
