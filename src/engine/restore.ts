import { readdir, rm } from 'node:fs/promises';

import { formatTime, hasCode, messageOf } from '../base/index.ts';
import {
  exited,
  isAlive,
  parseRestartPolicy,
  shouldStartWithDaemon,
  type ContainerRecord,
} from '../containers/index.ts';
import { removeCgroup } from '../linux/index.ts';

import { containerCgroup, watchMemory } from './containerCgroup.ts';
import { deleteContainer } from './deleteContainer.ts';
import { stdioOf } from './prepareBundle.ts';
import { removeProcessDirectory } from './removeProcessDirectory.ts';
import { runtimeOf } from './runtimeOf.ts';
import { release, settle } from './settleContainer.ts';
import { connectStreams, restartByPolicy, startLocked, type StartParts } from './startContainer.ts';
import { restoreHealth, stopHealth } from './watchHealth.ts';

type Parts = StartParts;

/** Exit code of a container whose end nobody saw: the host went down with it. */
const unseenExit = { exitCode: 255, oomKilled: false };

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

/** Takes a container that was running back in hand; false when it has gone without a trace, which is then recorded. */
async function takeBack(parts: Parts, record: ContainerRecord): Promise<boolean> {
  const { id } = record;
  const { dir } = parts.execPaths.container(id);
  try {
    const process = await runtimeOf(parts, record).reattach(dir, stdioOf(record, { uid: 0, gid: 0 }));
    if (process !== undefined) {
      const hub = connectStreams(parts, record, process, await parts.logs.of(record).open());
      const live = { process, hub, oom: watchMemory(parts, record) };
      const settled = process.exit.then((exit) =>
        settle(parts, id, live, exit, (restartId) => restartByPolicy(parts, restartId)),
      );
      parts.live.add(id, { ...live, settled });
      restoreHealth(parts, record);
      return true;
    }
  } catch (error) {
    parts.logger.warn('taking a container back failed', { container: id, error: messageOf(error) });
  }
  stopHealth(parts, id);
  const at = formatTime(parts.clock());
  parts.containers.update(id, (current) => ({ ...current, state: exited(current.state, unseenExit, at) }));
  return false;
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
    const runtimes = record === undefined ? [...parts.runtimes.values()] : [runtimeOf(parts, record)];
    for (const runtime of runtimes) {
      runtime.discard(dir);
      await runtime.delete(id);
    }
    removeCgroup(parts.cgroups, containerCgroup(parts, record ?? { id }));
    await removeProcessDirectory(parts, id);
  });
}

/** Containers that do not run: --rm is finished, restart policies obeyed. */
async function settleStopped(parts: Parts, before: ContainerRecord, live: ReadonlySet<string>): Promise<void> {
  const record = parts.containers.get(before.id);
  if (record === undefined || live.has(record.id)) return;
  const { state, hostConfig, restartCount } = record;
  const neverRan = state.status === 'created';
  await logged(parts, 'container', record.id, async () => {
    if (isAlive(before.state)) await release(parts, record);
    if (hostConfig.AutoRemove === true && !neverRan) {
      await deleteContainer(parts, record);
      return;
    }
    const { exitCode, manuallyStopped } = state;
    const policy = parseRestartPolicy(hostConfig.RestartPolicy);
    const wanted =
      state.status === 'restarting' || shouldStartWithDaemon(policy, { exitCode, manuallyStopped, restartCount });
    if (!neverRan && policy.name !== 'no' && wanted) {
      await parts.locks.run(record.id, () => startLocked(parts, record));
    }
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
