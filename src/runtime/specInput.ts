import type { ResourceSupport } from './resourceSupport.ts';

/**
 * What `containerSpec` makes a config.json from: names and paths are resolved already, `settings` is taken as the API has it.
 */
export interface SpecInput {
  readonly id: string;
  /** Where the container's root file system is mounted. */
  readonly rootfsDir: string;
  readonly args: readonly string[];
  /** The image's environment and the user's on top of it, `NAME=value`; a bare `NAME` takes a default away. */
  readonly env: readonly string[];
  /** Absolute; the runtime makes it when it is missing. */
  readonly cwd: string;
  readonly user: SpecUser;
  readonly tty: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly hostname: string;
  readonly domainname: string;
  /** Host path of a static init that becomes pid 1 (`--init`). */
  readonly initPath?: string;
  /** Files on the host that stand for the container's own; absent ones are left to the image. */
  readonly files: { readonly hosts?: string; readonly resolvConf?: string; readonly hostname?: string };
  /** Binds and volumes. One whose destination is that of a default mount takes its place. */
  readonly mounts: readonly ContainerMount[];
  readonly namespaces: {
    readonly network: NamespaceChoice;
    readonly ipc: NamespaceChoice;
    readonly pid: NamespaceChoice;
    readonly uts: NamespaceChoice;
    readonly cgroup: 'private' | 'host';
  };
  /** Another container's /dev/shm on the host, when its ipc namespace is joined. */
  readonly shmDir?: string;
  /** Absolute in the cgroup tree: `/gantry`. */
  readonly cgroupParent: string;
  readonly settings: HostSettings;
  readonly host: HostFacts;
}

/** Numeric, as `resolveUser` finds it. */
export interface SpecUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** A new namespace, the host's, or one that exists already. */
export type NamespaceChoice = 'private' | 'host' | { readonly path: string };

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

/** A bind of something on the host, or an empty tmpfs. */
export interface ContainerMount {
  readonly type: 'bind' | 'tmpfs';
  /** Host path; `tmpfs` has none. */
  readonly source: string;
  readonly destination: string;
  readonly readonly: boolean;
  /** Default `rprivate`. */
  readonly propagation?: Propagation;
  /** A bind without the mounts below its source. */
  readonly nonRecursive?: boolean;
  /** Further mount options, for tmpfs `size=...` and `mode=...`. */
  readonly options?: readonly string[];
}

/** A device node on the host. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the host and the daemon's own rights allow; read once by the caller (`readHostFacts`). */
export interface HostFacts {
  /** Docker's name: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly cgroupVersion: 1 | 2;
  /** Which limits the kernel can keep. */
  readonly support: ResourceSupport;
  readonly cpuCount: number;
  /** The daemon's bounding set, `CAP_CHOWN` first. */
  readonly capabilities: readonly string[];
  /** The daemon's own oom_score_adj, under which it may not go without CAP_SYS_RESOURCE. */
  readonly oomScoreAdj: number;
  /** Hard limits of the daemon by their name in lower case (`nofile`), which it may not raise without CAP_SYS_RESOURCE. */
  readonly hardLimits: Readonly<Record<string, number>>;
  /** All device nodes under a host path (the node itself, or a directory's); undefined when there is no such path. */
  devicesAt(path: string): readonly HostDevice[] | undefined;
}

type Maybe<T> = T | null | undefined;

interface ThrottleSetting {
  readonly Path?: string;
  readonly Rate?: number;
}

/** The fields of the API's HostConfig that shape a container's config.json; a HostConfig is one. */
export interface HostSettings {
  readonly Annotations?: Maybe<Readonly<Record<string, string>>>;
  readonly BlkioDeviceReadBps?: Maybe<readonly ThrottleSetting[]>;
  readonly BlkioDeviceReadIOps?: Maybe<readonly ThrottleSetting[]>;
  readonly BlkioDeviceWriteBps?: Maybe<readonly ThrottleSetting[]>;
  readonly BlkioDeviceWriteIOps?: Maybe<readonly ThrottleSetting[]>;
  readonly BlkioWeight?: Maybe<number>;
  readonly BlkioWeightDevice?: Maybe<readonly { readonly Path?: string; readonly Weight?: number }[]>;
  readonly CapAdd?: Maybe<readonly string[]>;
  readonly CapDrop?: Maybe<readonly string[]>;
  readonly CgroupnsMode?: Maybe<string>;
  readonly CpuPercent?: Maybe<number>;
  readonly CpuPeriod?: Maybe<number>;
  readonly CpuQuota?: Maybe<number>;
  readonly CpuRealtimePeriod?: Maybe<number>;
  readonly CpuRealtimeRuntime?: Maybe<number>;
  readonly CpusetCpus?: Maybe<string>;
  readonly CpusetMems?: Maybe<string>;
  readonly CpuShares?: Maybe<number>;
  readonly DeviceCgroupRules?: Maybe<readonly string[]>;
  readonly Devices?: Maybe<
    readonly { readonly PathOnHost?: string; readonly PathInContainer?: string; readonly CgroupPermissions?: string }[]
  >;
  readonly MaskedPaths?: Maybe<readonly string[]>;
  readonly IOMaximumBandwidth?: Maybe<number>;
  readonly IOMaximumIOps?: Maybe<number>;
  readonly IpcMode?: Maybe<string>;
  readonly Memory?: Maybe<number>;
  readonly MemoryReservation?: Maybe<number>;
  readonly MemorySwap?: Maybe<number>;
  readonly MemorySwappiness?: Maybe<number>;
  readonly NanoCpus?: Maybe<number>;
  readonly OomKillDisable?: Maybe<boolean>;
  readonly OomScoreAdj?: Maybe<number>;
  readonly PidsLimit?: Maybe<number>;
  readonly Privileged?: Maybe<boolean>;
  readonly ReadonlyPaths?: Maybe<readonly string[]>;
  readonly ReadonlyRootfs?: Maybe<boolean>;
  readonly SecurityOpt?: Maybe<readonly string[]>;
  readonly ShmSize?: Maybe<number>;
  readonly Sysctls?: Maybe<Readonly<Record<string, string>>>;
  readonly Tmpfs?: Maybe<Readonly<Record<string, string>>>;
  readonly Ulimits?: Maybe<readonly { readonly Name?: string; readonly Soft?: number; readonly Hard?: number }[]>;
}
