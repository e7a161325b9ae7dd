import { formatTime, messageOf } from '../base/index.ts';
import {
  exited,
  isAlive,
  parseRestartPolicy,
  restartDelayMs,
  restarting,
  shouldRestart,
  type ContainerRecord,
} from '../containers/index.ts';
import type { ProcessExit } from '../runtime/index.ts';

import { announce, announceNetwork } from './containerEvents.ts';
import type { LiveContainer } from './live.ts';
import { clearRuntimeState } from './containerCgroup.ts';
import type { EngineParts } from './parts.ts';
import { deleteContainer } from './deleteContainer.ts';
import { removeProcessDirectory } from './removeProcessDirectory.ts';
import { stopHealth } from './watchHealth.ts';

export type SettleParts = Pick<
  EngineParts,
  | 'clock'
  | 'logger'
  | 'settings'
  | 'dataPaths'
  | 'execPaths'
  | 'mounter'
  | 'cgroups'
  | 'snapshots'
  | 'network'
  | 'networkIds'
  | 'runtimes'
  | 'journal'
  | 'containers'
  | 'waiters'
  | 'locks'
  | 'live'
  | 'execs'
  | 'health'
  | 'logs'
>;

/** What is still in hand of a container whose init has ended. */
export type EndedContainer = Omit<LiveContainer, 'settled'>;

/** How a container's init ended. */
type ContainerExit = ProcessExit & { readonly oomKilled: boolean };

/**
 * What follows the end of a container's init: its last output is flushed, the exit is recorded and announced, whoever waits is
 * told, what it held is given back; then it is removed (--rm) or started again (restart policy). An end that cannot be
 * recorded, with a full disk for one, is tried for until it can. Never rejects.
 */
export async function settle(
  parts: SettleParts,
  id: string,
  ended: EndedContainer,
  exit: ProcessExit,
  restart: (id: string) => Promise<void>,
): Promise<void> {
  try {
    const oomKilled = await wasOomKilled(parts, id, ended);
    await ended.hub.closed;
    while (!(await hasSettled(parts, id, { ...exit, oomKilled }, restart))) await retryPause();
  } catch (error) {
    parts.logger.error('recording the end of a container failed', { container: id, error: messageOf(error) });
  }
}

/** Between two attempts to record an end. */
const retryMs = 1_000;

function retryPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, retryMs).unref());
}

/** False when the container still is on record as one that runs. */
async function hasSettled(
  parts: SettleParts,
  id: string,
  exit: ContainerExit,
  restart: (id: string) => Promise<void>,
): Promise<boolean> {
  try {
    await parts.locks.run(id, () => settleLocked(parts, id, exit, restart));
    return true;
  } catch (error) {
    parts.logger.error('recording the end of a container failed', { container: id, error: messageOf(error) });
    const record = parts.containers.get(id);
    return record === undefined || !isAlive(record.state);
  }
}

/** Not knowing it is no reason to lose the end itself. */
async function wasOomKilled(parts: SettleParts, id: string, ended: EndedContainer): Promise<boolean> {
  try {
    const oom = ended.oom ?? parts.live.get(id)?.oom;
    return (await oom?.hasKilled()) ?? false;
  } catch (error) {
    parts.logger.warn('asking for out-of-memory kills failed', { container: id, error: messageOf(error) });
    return false;
  }
}

async function settleLocked(
  parts: SettleParts,
  id: string,
  exit: ContainerExit,
  restart: (id: string) => Promise<void>,
): Promise<void> {
  const before = parts.containers.get(id);
  if (before === undefined || !isAlive(before.state)) return;
  const record = recordExit(parts, before, exit);
  parts.live.delete(id);
  stopHealth(parts, id);
  announceExit(parts, record);
  // Told before all is given back: who then starts or removes the container waits for the lock.
  parts.waiters.exited(id, { exitCode: exit.code, error: '' });
  await release(parts, record);
  if (record.state.status === 'restarting') planRestart(parts, record, restart);
  else if (record.hostConfig.AutoRemove === true && !parts.live.isRestarting(id)) await deleteContainer(parts, record);
}

/** Records the end, together with whether the restart policy will start the container again: nobody sees one without the other. */
function recordExit(parts: SettleParts, before: ContainerRecord, exit: ContainerExit): ContainerRecord {
  const at = formatTime(parts.clock());
  const ended = { exitCode: exit.code, oomKilled: exit.oomKilled };
  return parts.containers.update(before.id, (record) =>
    willRestart(parts, record, exit)
      ? { ...record, restartCount: record.restartCount + 1, state: restarting(record.state, ended, at) }
      : { ...record, state: exited(record.state, ended, at) },
  );
}

function willRestart({ live }: SettleParts, record: ContainerRecord, { code }: ContainerExit): boolean {
  const { id, state, restartCount, hostConfig } = record;
  const { manuallyStopped } = state;
  const policy = parseRestartPolicy(hostConfig.RestartPolicy);
  return !live.isMarkedForRemoval(id) && shouldRestart(policy, { exitCode: code, manuallyStopped, restartCount });
}

function announceExit(parts: SettleParts, record: ContainerRecord): void {
  const { state } = record;
  if (state.oomKilled) announce(parts, record, 'oom');
  const seconds = Math.max(0, Math.floor((Date.parse(state.finishedAt) - Date.parse(state.startedAt)) / 1000));
  announce(parts, record, 'die', { exitCode: String(state.exitCode), execDuration: String(seconds) });
}

/** Gives back what only a running container needs: network, mount, process directory. A step that fails is logged. */
export async function release(parts: SettleParts, record: ContainerRecord): Promise<void> {
  const giveBack = async (what: string, step: Promise<void>): Promise<void> => {
    try {
      await step;
    } catch (error) {
      parts.logger.warn('giving back failed', { what, container: record.id, error: messageOf(error) });
    }
  };
  await Promise.all([
    giveBack('network', parts.network.detach(record.id)),
    giveBack('cgroup', clearRuntimeState(parts, record)),
    giveBack('process directory', removeProcessDirectory(parts, record.id)),
  ]);
  announceNetwork(parts, 'disconnect', record);
}

function planRestart(parts: SettleParts, record: ContainerRecord, restart: (id: string) => Promise<void>): void {
  const { id, state } = record;
  const uptimeMs = Date.parse(state.finishedAt) - Date.parse(state.startedAt);
  const delayMs = restartDelayMs(parts.live.restartDelayMs(id), uptimeMs);
  parts.live.planRestart(id, delayMs, () => void restart(id));
}
