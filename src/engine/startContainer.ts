import { mkdirSync } from 'node:fs';

import { createOutputHub, formatTime, GantryError, messageOf, UndoStack, type OutputHub } from '../base/index.ts';
import { refused, started, type ContainerRecord } from '../containers/index.ts';
import type { LogWriter } from '../logs/index.ts';
import type { Sandbox } from '../network/index.ts';
import { StartRefusal, type RuntimeProcess } from '../runtime/index.ts';

import { clearRuntimeState, watchMemory } from './containerCgroup.ts';
import { deleteContainer } from './deleteContainer.ts';
import { prepareBundle } from './prepareBundle.ts';
import { announce, announceNetwork } from './containerEvents.ts';
import { networkModeOf, refuseMissingNetwork } from './networkMode.ts';
import type { EngineParts } from './parts.ts';
import { removeProcessDirectory } from './removeProcessDirectory.ts';
import { runtimeOf } from './runtimeOf.ts';
import { settle, type EndedContainer, type SettleParts } from './settleContainer.ts';
import { startHealth } from './watchHealth.ts';

const killSignal = 9;

export type StartParts = SettleParts & Pick<EngineParts, 'host' | 'openSpill'>;

/** POST /containers/{id}/start: resolves when the container's init runs. Running already: `notModified`. */
export async function startContainer(parts: StartParts, ref: string): Promise<void> {
  const { id } = parts.containers.find(ref);
  await parts.locks.run(id, async () => {
    const record = parts.containers.find(id);
    checkStartable(record, parts.live.isMarkedForRemoval(id));
    parts.live.cancelRestart(id);
    // A start by hand begins the policy's counting anew.
    await startLocked(parts, record, { restartCount: 0 });
  });
}

function checkStartable({ id, state }: ContainerRecord, isMarkedForRemoval: boolean): void {
  const marked = new GantryError('conflict', 'container is marked for removal and cannot be started');
  switch (state.status) {
    case 'running':
      throw new GantryError('notModified', `container ${id} is already running`);
    case 'paused':
      throw new GantryError('conflict', 'cannot start a paused container, try unpause instead');
    case 'removing':
    case 'dead':
      throw marked;
    case 'created':
    case 'exited':
    case 'restarting':
      if (isMarkedForRemoval) throw marked;
  }
}

/**
 * Starts a container whose lock the caller holds and whose state allows it; `changes` of its record become true with the start.
 * A refusal is recorded, and thrown.
 */
export async function startLocked(
  parts: StartParts,
  record: ContainerRecord,
  changes: Partial<Pick<ContainerRecord, 'restartCount'>> = {},
): Promise<void> {
  const undo = new UndoStack();
  try {
    const live = await launch(parts, record, undo);
    const now = formatTime(parts.clock());
    const running = parts.containers.update(record.id, (current) => ({
      ...current,
      ...changes,
      state: started(current.state, live.process.pid, now),
    }));
    const settled = live.process.exit.then((exit) =>
      settle(parts, running.id, live, exit, (id) => restartByPolicy(parts, id)),
    );
    parts.live.add(record.id, { ...live, settled });
    announce(parts, running, 'start');
    startHealth(parts, running);
    undo.release();
  } catch (error) {
    await undo.unwind((failure) =>
      parts.logger.warn('undoing a start failed', { container: record.id, error: messageOf(failure) }),
    );
    await settleRefusal(parts, record, error);
    throw error;
  }
}

/** What follows a refused start. A failure of it is logged: the caller is to hear of the refusal. */
async function settleRefusal(parts: StartParts, record: ContainerRecord, refusal: unknown): Promise<void> {
  try {
    const refusedRecord = recordRefusal(parts, record, refusal);
    // clients that asked for --rm wait for the removal, whether or not it ever ran
    if (record.hostConfig.AutoRemove === true) await deleteContainer(parts, refusedRecord);
  } catch (error) {
    parts.logger.error('recording a refused start failed', { container: record.id, error: messageOf(error) });
  }
}

async function launch(parts: StartParts, record: ContainerRecord, undo: UndoStack): Promise<EndedContainer> {
  const { dir, bundle, rootfs } = parts.execPaths.container(record.id);
  undo.push(() => removeProcessDirectory(parts, record.id));
  // On the way to a container's first instruction small file operations are synchronous: each takes some 20 us, a trip to the
  // thread pool and back ten times as much.
  for (const path of [bundle, rootfs]) mkdirSync(path, { recursive: true, mode: 0o700 });
  parts.mounter.mount(parts.snapshots.mounts(record.id), rootfs);
  const [sandbox, log] = await both(joinNetwork(parts, record, undo), openLog(parts, record, undo));
  const stdio = prepareBundle(parts, record, sandbox);
  undo.push(() => clearRuntimeState(parts, record));
  const process = await runtimeOf(parts, record).run({ id: record.id, bundleDir: bundle, stateDir: dir, stdio });
  const live = { process, hub: connectStreams(parts, record, process, log), oom: watchMemory(parts, record) };
  undo.push(() => end(live));
  return live;
}

/** Waits for both, also when one fails: then what the other did is known to be undone as well. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

async function openLog(parts: StartParts, record: ContainerRecord, undo: UndoStack): Promise<LogWriter> {
  // It is there since the create, unless the host lost it.
  mkdirSync(parts.dataPaths.container(record.id).dir, { recursive: true, mode: 0o710 });
  const log = await parts.logs.of(record).open();
  undo.push(() => log.close());
  return log;
}

/** Ends a process whose start could not be recorded: what runs has a record that says so. */
async function end({ process, hub, oom }: EndedContainer): Promise<void> {
  process.signal(killSignal);
  await process.exit;
  await oom?.hasKilled();
  await hub.closed;
}

async function joinNetwork(parts: StartParts, record: ContainerRecord, undo: UndoStack): Promise<Sandbox | undefined> {
  refuseMissingNetwork(record);
  const sandbox = networkModeOf(record) === 'host' ? undefined : await attachNetwork(parts, record, undo);
  announceNetwork(parts, 'connect', record);
  undo.push(() => announceNetwork(parts, 'disconnect', record));
  return sandbox;
}

async function attachNetwork(parts: StartParts, record: ContainerRecord, undo: UndoStack): Promise<Sandbox> {
  const sandbox = await parts.network.attach(record.id, {
    isolated: networkModeOf(record) === 'none',
    ...(record.macAddress === undefined ? {} : { macAddress: record.macAddress }),
  });
  undo.push(() => parts.network.detach(record.id));
  return sandbox;
}

/** Connects a process that runs to its log and to the clients to come. */
export function connectStreams(
  { logger, openSpill }: Pick<EngineParts, 'logger' | 'openSpill'>,
  record: ContainerRecord,
  process: RuntimeProcess,
  log: LogWriter | undefined,
): OutputHub {
  return createOutputHub({
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    ended: process.ended,
    tty: record.config.Tty === true,
    stdinOnce: record.config.StdinOnce === true,
    log,
    openSpill,
    onError: (error) =>
      logger.warn('a stream of a container failed', { container: record.id, error: messageOf(error) }),
  });
}

function recordRefusal(parts: StartParts, record: ContainerRecord, error: unknown): ContainerRecord {
  const exitCode = error instanceof StartRefusal ? error.exitCode : 128;
  const message = messageOf(error);
  parts.live.abandonEarly(record.id);
  const updated = parts.containers.update(record.id, (current) => ({
    ...current,
    state: refused(current.state, exitCode, message),
  }));
  parts.waiters.exited(record.id, { exitCode, error: '' });
  return updated;
}

/** Starts a container again because its restart policy says so, unless it was stopped or removed meanwhile. Never rejects. */
export async function restartByPolicy(parts: StartParts, id: string): Promise<void> {
  try {
    await parts.live.restartsReleased();
    await parts.locks.run(id, async () => {
      const record = parts.containers.get(id);
      if (record === undefined || record.state.status !== 'restarting' || parts.live.isStopping) return;
      await startLocked(parts, record);
    });
  } catch (error) {
    parts.logger.warn('a restart was refused', { container: id, error: messageOf(error) });
  }
}
