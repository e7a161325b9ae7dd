import type { Clock, KeyedLock, Logger, OpenSpill, Ulimit } from '../base/index.ts';
import type { Containers, Waiters } from '../containers/index.ts';
import type { EventJournal } from '../events/index.ts';
import type { Images } from '../images/index.ts';
import type { CgroupLayout, Mounter } from '../linux/index.ts';
import type { BridgeNetwork, NetworkIds } from '../network/index.ts';
import type { RegistryClient } from '../registry/index.ts';
import type { HostFacts, OciRuntime } from '../runtime/index.ts';
import type { ArchiveThreads, ContentStore, DataPaths, ExecPaths, Snapshotter } from '../store/index.ts';

import type { ContainerLogs } from './containerLogs.ts';
import type { Execs } from './execs.ts';
import type { HealthWatch } from './healthWatch.ts';
import type { LiveContainers } from './live.ts';
import type { Pulls } from './pulls.ts';
import type { SampleWatches } from './sampleWatches.ts';
import type { ContainerSample } from './statsView.ts';

/** What the daemon was told once and keeps: its options, resolved. */
export interface EngineSettings {
  readonly version: string;
  readonly daemonId: string;
  readonly hostName: string;
  readonly labels: readonly string[];
  readonly cgroupParent: string;
  readonly cgroupVersion: 1 | 2;
  readonly defaultRuntime: string;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly maxConcurrentDownloads: number;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly debug: boolean;
  readonly initPath: string | undefined;
  /** Whether containers have an init unless they say otherwise. */
  readonly init: boolean;
  readonly defaultUlimits: readonly Ulimit[];
  readonly defaultShmSizeBytes: number;
  readonly defaultCgroupnsMode: 'private' | 'host';
  readonly liveRestore: boolean;
}

/** Everything that the use cases stand on. A use case names the parts that it takes with `Pick`. */
export interface EngineParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: EngineSettings;
  readonly dataPaths: DataPaths;
  readonly execPaths: ExecPaths;
  readonly host: HostFacts;
  readonly mounter: Mounter;
  readonly cgroups: CgroupLayout;
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly archives: ArchiveThreads;
  /** Where output waits for clients that are slow. */
  readonly openSpill: OpenSpill;
  readonly images: Images;
  readonly registry: RegistryClient;
  readonly network: BridgeNetwork;
  readonly networkIds: NetworkIds;
  readonly runtimes: ReadonlyMap<string, OciRuntime>;
  readonly journal: EventJournal;
  readonly pulls: Pulls;
  readonly containers: Containers;
  readonly waiters: Waiters;
  /** One operation at a time on one container. */
  readonly locks: KeyedLock;
  readonly live: LiveContainers;
  readonly execs: Execs;
  readonly health: HealthWatch;
  readonly logs: ContainerLogs;
  /** What is counted of containers while clients look. */
  readonly samples: SampleWatches<ContainerSample | undefined>;
}
