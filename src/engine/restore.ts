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
import { startLocked, type StartParts } from './startContainer.ts';
import { takeBack } from './takeBack.ts';

type Parts = StartParts;

/**
 * Run once at start, before the first request: takes running containers back in hand, records the end of those that ended
 * meanwhile, and sweeps what a crash left. One container's trouble does not stop the others.
 */
export async function restore(parts: Parts): Promise<void> {
  await parts.snapshots.sweep();
  const live = new Set<string>();
  for (const record of parts.containers.all()) {
    if (isAlive(record.state) && (await takeBack(parts, record))) live.add(record.id);
  }
  await parts.network.reconcile(live);
  await sweepOrphans(parts, live);
  for (const record of parts.containers.all()) await settleStopped(parts, record, live);
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

/** Containers that do not run: removals and --rm are finished, restart policies obeyed. */
async function settleStopped(parts: Parts, before: ContainerRecord, live: ReadonlySet<string>): Promise<void> {
  const record = parts.containers.get(before.id);
  if (record === undefined || live.has(record.id)) return;
  await logged(parts, 'container', record.id, async () => {
    if (isAlive(before.state)) await release(parts, record);
    await parts.locks.run(record.id, () => settleLocked(parts, record));
  });
}

async function settleLocked(parts: Parts, record: ContainerRecord): Promise<void> {
  const { id, state, hostConfig, restartCount } = record;
  const hasRun = state.status === 'exited' || state.status === 'restarting';
  if (isBeyondUse(state) || (hostConfig.AutoRemove === true && hasRun)) return deleteContainer(parts, record);
  if (!hasRun) return;
  const { exitCode, manuallyStopped } = state;
  const policy = parseRestartPolicy(hostConfig.RestartPolicy);
  const isWanted =
    state.status === 'restarting'
      ? policy.name !== 'no'
      : shouldStartWithDaemon(policy, { exitCode, manuallyStopped, restartCount });
  if (isWanted) return startLocked(parts, record);
  if (state.status === 'restarting')
    parts.containers.update(id, (current) => ({ ...current, state: restartCancelled(current.state) }));
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
