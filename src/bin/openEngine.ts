import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

import { GantryError, KeyedLock, messageOf, systemClock, type Logger } from '../base/index.ts';
import { Containers, Waiters, type ContainerRecord } from '../containers/index.ts';
import {
  ContainerLogs,
  Execs,
  HealthWatch,
  LiveContainers,
  Pulls,
  SampleWatches,
  type EngineParts,
  type EngineSettings,
} from '../engine/index.ts';
import { createJournal, keptEvents } from '../events/index.ts';
import { openImages } from '../images/index.ts';
import { kernelMounter, readCgroupLayout, type CgroupLayout } from '../linux/index.ts';
import { checkLogConfig } from '../logs/index.ts';
import { networkIds, openBridgeNetwork } from '../network/index.ts';
import { createRegistryClient } from '../registry/index.ts';
import {
  allowedUlimits,
  detectionHost,
  detectRuntime,
  findProgram,
  openRuntime,
  readHostFacts,
  type HostFacts,
  type OciRuntime,
} from '../runtime/index.ts';
import {
  ArchiveThreads,
  dataPaths,
  execPaths,
  openContentStore,
  openLineFile,
  openOverlaySnapshotter,
  spillFiles,
  openRecords,
  type RecordCollection,
  type RecordDatabase,
} from '../store/index.ts';

import type { DaemonOptions, RuntimeChoice } from './daemonOptions.ts';
import { version } from './version.ts';

/** In the order of preference. */
const builtinRuntimes: readonly RuntimeChoice[] = ['crun', 'runc'].map((name) => ({ name, path: name, args: [] }));
const initPrograms = ['tini-static', 'catatonit', 'docker-init', 'tini'];

export interface OpenedEngine {
  readonly parts: EngineParts;
  readonly records: RecordDatabase;
}

/** Opens every room below the daemon's two roots and wires them together. Nothing runs yet. */
export async function openEngine(options: DaemonOptions, logger: Logger): Promise<OpenedEngine> {
  checkLogDefaults(options);
  const data = dataPaths(options.dataRoot);
  const exec = execPaths(options.execRoot);
  mkdirSync(data.root, { recursive: true, mode: 0o710 });
  for (const dir of [exec.root, exec.containers, exec.execs, exec.runtime])
    mkdirSync(dir, { recursive: true, mode: 0o711 });
  const clock = systemClock;
  const records = openRecords(data.metadata);
  const cgroups = readCgroupLayout();
  const runtimes = await openRuntimes(options, exec.runtime, cgroups, logger);
  const host = readHostFacts(cgroups);
  const settings = {
    ...settingsOf(options, runtimes.defaultName, cgroups, daemonId(records)),
    defaultUlimits: defaultUlimits(options, host, logger),
  };
  const ids = networkIds(records.collection('networks'));
  const network = openBridgeNetwork({
    id: ids.bridge,
    bridge: {
      name: options.bridge,
      ...(options.bridgeAddress === undefined ? {} : { address: options.bridgeAddress }),
      enableIpMasquerade: options.masquerade,
      manageFirewall: options.firewall,
      mtu: options.mtu,
    },
    namespaceDir: exec.netns,
    makeIn: 'mainThread',
    sandboxes: lateRecords(records.collection('sandboxes')),
    logger,
  });
  const parts: EngineParts = {
    clock,
    logger,
    settings,
    dataPaths: data,
    execPaths: exec,
    host,
    mounter: kernelMounter,
    cgroups,
    content: openContentStore(data.root, logger),
    snapshots: openOverlaySnapshotter({ root: data.snapshots('overlay'), records, logger }),
    archives: new ArchiveThreads(),
    openSpill: spillFiles(data.spills),
    images: openImages({ records, clock }),
    registry: createRegistryClient({
      mirrors: options.registryMirrors,
      insecureRegistries: options.insecureRegistries,
      userAgent: `gantry/${version} (linux)`,
      logger,
    }),
    network,
    networkIds: ids,
    runtimes: runtimes.byName,
    journal: createJournal({ clock, logger, archive: openLineFile(data.events, keptEvents) }),
    pulls: new Pulls(options.maxConcurrentDownloads),
    containers: new Containers(records.collection<ContainerRecord>('containers')),
    waiters: new Waiters(),
    locks: new KeyedLock(),
    live: new LiveContainers(),
    execs: new Execs(),
    health: new HealthWatch(lateRecords(records.collection('health'))),
    logs: new ContainerLogs(data, clock, logger),
    samples: new SampleWatches(),
  };
  return { parts, records };
}

function defaultUlimits(options: DaemonOptions, host: HostFacts, logger: Logger): EngineSettings['defaultUlimits'] {
  const { ulimits, warnings } = allowedUlimits(options.defaultUlimits, host);
  for (const warning of warnings) logger.warn(warning);
  return ulimits;
}

/** The program that was named, or else the first that is there; undefined says that there is none. */
function initPathOf({ initPath }: DaemonOptions): string | undefined {
  const programs = initPath === undefined ? initPrograms : [initPath];
  return programs.map(findProgram).find((path) => path !== undefined);
}

/** What no container could be made with is refused at once. */
function checkLogDefaults({ logDriver, logOptions }: DaemonOptions): void {
  try {
    checkLogConfig({ Type: logDriver, Config: logOptions });
  } catch (cause) {
    throw new GantryError('invalid', `failed to set log opts: ${messageOf(cause)}`, { cause });
  }
}

function settingsOf(
  options: DaemonOptions,
  defaultRuntime: string,
  cgroups: CgroupLayout,
  id: string,
): Omit<EngineSettings, 'defaultUlimits'> {
  return {
    version,
    daemonId: id,
    hostName: hostname(),
    labels: options.labels,
    cgroupParent: options.cgroupParent,
    cgroupVersion: cgroups.version,
    defaultRuntime,
    logDriver: options.logDriver,
    logOptions: options.logOptions,
    maxConcurrentDownloads: options.maxConcurrentDownloads,
    registryMirrors: options.registryMirrors,
    insecureRegistries: options.insecureRegistries,
    debug: options.debug,
    initPath: initPathOf(options),
    init: options.init,
    defaultShmSizeBytes: options.defaultShmSizeBytes,
    defaultCgroupnsMode: options.defaultCgroupnsMode ?? (cgroups.version === 2 ? 'private' : 'host'),
    liveRestore: options.liveRestore,
  };
}

/** Records of what containers hold while they run: on the disk with the record of the start that they belong to. */
function lateRecords<T>(
  collection: RecordCollection<T>,
): Pick<RecordCollection<T>, 'get' | 'entries' | 'put' | 'delete'> {
  return {
    get: (key) => collection.get(key),
    entries: () => collection.entries(),
    put: (key, value) => collection.putLater(key, value),
    delete: (key) => collection.deleteLater(key),
  };
}

/** The daemon's own id, made once. */
function daemonId(records: RecordDatabase): string {
  const daemon = records.collection<{ readonly id: string }>('daemon');
  const known = daemon.get('self');
  if (known !== undefined) return known.id;
  const id = randomUUID();
  daemon.put('self', { id });
  return id;
}

async function openRuntimes(
  options: DaemonOptions,
  stateRoot: string,
  cgroups: CgroupLayout,
  logger: Logger,
): Promise<{ readonly byName: ReadonlyMap<string, OciRuntime>; readonly defaultName: string }> {
  const byName = new Map<string, OciRuntime>();
  for (const choice of [...builtinRuntimes, ...options.runtimes]) {
    const path = findProgram(choice.path);
    if (path !== undefined)
      byName.set(choice.name, openRuntime({ ...choice, path, root: join(stateRoot, choice.name), logger }));
    else if (!builtinRuntimes.includes(choice)) {
      throw new GantryError('invalid', `the program of the runtime ${choice.name} was not found: ${choice.path}`);
    }
  }
  return { byName, defaultName: await defaultRuntime(options, byName, cgroups, logger) };
}

async function defaultRuntime(
  options: DaemonOptions,
  byName: ReadonlyMap<string, OciRuntime>,
  cgroups: CgroupLayout,
  logger: Logger,
): Promise<string> {
  if (options.defaultRuntime !== undefined) {
    if (byName.has(options.defaultRuntime)) return options.defaultRuntime;
    throw new GantryError('invalid', `specified default runtime '${options.defaultRuntime}' does not exist`);
  }
  const { runtime, warnings } = await detectRuntime(builtinRuntimes, detectionHost(cgroups));
  for (const warning of warnings) logger.warn(warning);
  return runtime.name;
}

/** Claims the pidfile: refused while the process that it names is a live daemon. */
export function claimPidfile(path: string): void {
  const holder = readPid(path);
  if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
    throw new GantryError('conflict', `process with PID ${holder} is still running`, {
      hint: `Stop it first, or give this daemon roots, a socket and a --pidfile of its own (${path} is taken).`,
    });
  }
  writeFileSync(path, `${process.pid}\n`);
}

function readPid(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const pid = Number(readFileSync(path, 'utf8').trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('gantryd');
  } catch {
    return false;
  }
}
