import { readdir, rm } from 'node:fs/promises';

import { hasCode, messageOf } from '../base/index.ts';
import {
  isAlive,
  isBeyondUse,
  parseRestartPolicy,
  restartCancelled,
  shouldStartWithDaemon,
  type ContainerRecord,
} from '../containers/index.ts';
import { removeCgroup } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { deleteContainer } from './deleteContainer.ts';
import { removeProcessDirectory } from './removeProcessDirectory.ts';
import { knownRuntimeOf } from './runtimeOf.ts';
import { release } from './settleContainer.ts';
import { Slots } from './slots.ts';
import { startLocked, type StartParts } from './startContainer.ts';
import { takeBack } from './takeBack.ts';

type Parts = StartParts;

const concurrentStarts = 8;
/** Clients find a daemon whose containers run, unless these take their time. */
const startPatienceMs = 10_000;

/**
 * Run once at start, before the first request: takes running containers back in hand, records the end of those that ended
 * meanwhile, sweeps what a crash left, and starts what restart policies want. One container's trouble does not stop the
 * others; starts that take longer than ten seconds go on after this resolves.
 */
export async function restore(parts: Parts): Promise<void> {
  const releaseRestarts = parts.live.holdRestarts();
  try {
    await settleAll(parts);
  } finally {
    releaseRestarts();
  }
  await forSomeTime(startWanted(parts));
}

async function settleAll(parts: Parts): Promise<void> {
  await parts.snapshots.sweep();
  const live = new Set<string>();
  const before = [...parts.containers.all()];
  for (const record of before) {
    if (isAlive(record.state) && (await takeBack(parts, record))) live.add(record.id);
  }
  await parts.network.reconcile(live);
  await sweepOrphans(parts, live);
  for (const record of before) await settleStopped(parts, record, live);
}

async function forSomeTime(work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  const patience = new Promise((resolve) => {
    const timeout = setTimeout(resolve, startPatienceMs);
    timer.signal.addEventListener('abort', () => clearTimeout(timeout), { once: true });
  });
  await Promise.race([work, patience]);
  timer.abort();
}

/** What is on disk and in the kernel and belongs to no container that runs, or to none at all. */
async function sweepOrphans(parts: Parts, live: ReadonlySet<string>): Promise<void> {
  for (const id of await namesIn(parts.execPaths.containers)) {
    if (!live.has(id)) await sweepExecDir(parts, id);
  }
  for (const id of await namesIn(parts.execPaths.execs)) {
    await logged(parts, 'exec', id, () => sweepExec(parts, parts.execPaths.exec(id)));
  }
  for (const id of await namesIn(parts.dataPaths.containers)) {
    if (parts.containers.get(id) !== undefined) continue;
    await logged(parts, 'container directory', id, () =>
      rm(parts.dataPaths.container(id).dir, { recursive: true, force: true }),
    );
  }
  for (const { key, kind } of parts.snapshots.list()) {
    if (kind !== 'active' || parts.containers.get(key) !== undefined) continue;
    await logged(parts, 'snapshot', key, () => parts.snapshots.remove(key));
  }
}

/** The streams of an exec ended with the daemon that ran it; its process goes on. */
async function sweepExec({ runtimes }: Parts, stateDir: string): Promise<void> {
  for (const runtime of runtimes.values()) runtime.discard(stateDir);
  await rm(stateDir, { recursive: true, force: true });
}

async function sweepExecDir(parts: Parts, id: string): Promise<void> {
  const { dir } = parts.execPaths.container(id);
  const record = parts.containers.get(id);
  await logged(parts, 'process directory', id, async () => {
    const known = record === undefined ? undefined : knownRuntimeOf(parts, record);
    for (const runtime of known === undefined ? parts.runtimes.values() : [known]) {
      runtime.discard(dir);
      await runtime.delete(id);
    }
    removeCgroup(parts.cgroups, containerCgroup(parts, record ?? { id }));
    await removeProcessDirectory(parts, id);
  });
}

/** Containers that do not run: removals and --rm are finished, restarts that no policy wants any more called off. */
async function settleStopped(parts: Parts, before: ContainerRecord, live: ReadonlySet<string>): Promise<void> {
  const record = parts.containers.get(before.id);
  if (record === undefined || live.has(record.id)) return;
  await logged(parts, 'container', record.id, async () => {
    if (isAlive(before.state)) await release(parts, record);
    await parts.locks.run(record.id, () => settleLocked(parts, record));
  });
}

async function settleLocked(parts: Parts, record: ContainerRecord): Promise<void> {
  const { id, state, hostConfig } = record;
  if (isBeyondUse(state) || (hostConfig.AutoRemove === true && hasRun(record))) return deleteContainer(parts, record);
  if (state.status === 'restarting' && !isWanted(record))
    parts.containers.update(id, (current) => ({ ...current, state: restartCancelled(current.state) }));
}

/** And does not run now. */
function hasRun({ state }: ContainerRecord): boolean {
  return state.status === 'exited' || state.status === 'restarting';
}

/** Whether a container's restart policy wants it to run with the daemon. */
function isWanted({ state, hostConfig, restartCount }: ContainerRecord): boolean {
  const { exitCode, manuallyStopped } = state;
  const policy = parseRestartPolicy(hostConfig.RestartPolicy);
  return state.status === 'restarting'
    ? policy.name !== 'no'
    : shouldStartWithDaemon(policy, { exitCode, manuallyStopped, restartCount });
}

/** A start that hangs holds up neither the daemon nor, unless there are many of them, the others. */
async function startWanted(parts: Parts): Promise<void> {
  const slots = new Slots(concurrentStarts);
  const wanted = [...parts.containers.all()].filter((record) => hasRun(record) && isWanted(record));
  await Promise.all(
    wanted.map((record) => slots.run(() => logged(parts, 'container', record.id, () => startUnchanged(parts, record)))),
  );
}

/** Starts it, unless somebody else has done something with it meanwhile, or the daemon stops. */
async function startUnchanged(parts: Parts, record: ContainerRecord): Promise<void> {
  await parts.locks.run(record.id, async () => {
    if (parts.live.isStopping || parts.containers.get(record.id) !== record) return;
    await startLocked(parts, record);
  });
}

async function logged(parts: Parts, what: string, id: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    parts.logger.warn('cleaning up at start failed', { what, id, error: messageOf(error) });
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
