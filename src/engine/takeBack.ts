import { formatTime, messageOf } from '../base/index.ts';
import { exited, isAlive, unseenExit, type ContainerRecord } from '../containers/index.ts';
import type { LogWriter } from '../logs/index.ts';

import { watchMemory } from './containerCgroup.ts';
import { matchFreezer } from './matchFreezer.ts';
import { releaseHeld } from './pauseContainer.ts';
import { stdioOf } from './prepareBundle.ts';
import { knownRuntimeOf, someRuntimeFor } from './runtimeOf.ts';
import { release, settle } from './settleContainer.ts';
import { connectStreams, restartByPolicy, type StartParts } from './startContainer.ts';
import { restoreHealth, stopHealth } from './watchHealth.ts';

type Parts = StartParts;

const attempts = 3;
const firstRetryMs = 100;
const laterRetryMs = 5_000;

/**
 * Takes a container that an earlier daemon started back in hand; false when it has gone without a trace, which is then
 * recorded. Trouble on the way says nothing about the container: it stays `running`, and is tried for until it succeeds.
 */
export async function takeBack(parts: Parts, record: ContainerRecord): Promise<boolean> {
  try {
    return await persistently(() => reattach(parts, record));
  } catch (error) {
    parts.logger.error('a running container cannot be taken back in hand; it goes on, and this is tried again', {
      container: record.id,
      error: messageOf(error),
    });
    void keepTrying(parts, record.id);
    return true;
  }
}

/** What failed once may have met a moment without memory, descriptors or room on the disk. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, firstRetryMs * attempt));
    }
  }
}

/** Never rejects. */
async function keepTrying(parts: Parts, id: string): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, laterRetryMs).unref());
    try {
      await parts.locks.run(id, async () => {
        const record = parts.containers.get(id);
        if (record === undefined || !isAlive(record.state) || parts.live.get(id) !== undefined) return;
        if (!(await reattach(parts, record))) await release(parts, parts.containers.find(id));
      });
      return;
    } catch (error) {
      parts.logger.debug('taking a container back failed again', { container: id, error: messageOf(error) });
    }
  }
}

async function reattach(parts: Parts, record: ContainerRecord): Promise<boolean> {
  const { id } = record;
  const stdio = stdioOf(record, { uid: 0, gid: 0 });
  const process = await someRuntimeFor(parts, record).reattach(parts.execPaths.container(id).dir, stdio);
  if (process === undefined) {
    recordUnseenExit(parts, id);
    return false;
  }
  if (knownRuntimeOf(parts, record) === undefined) warnOfRuntime(parts, record);
  const hub = connectStreams(parts, record, process, await openLog(parts, record));
  const live = { process, hub, oom: watchMemory(parts, record) };
  const settled = process.exit.then((exit) =>
    settle(parts, id, live, exit, (restartId) => restartByPolicy(parts, restartId)),
  );
  parts.live.add(id, { ...live, settled });
  await settleFreezer(parts, record);
  restoreHealth(parts, parts.containers.find(id));
  return true;
}

/** Never rejects: the container is in hand by now, and must not be taken back once more. */
async function settleFreezer(parts: Parts, record: ContainerRecord): Promise<void> {
  try {
    matchFreezer(parts, record);
    await releaseHeld(parts, record.id);
  } catch (error) {
    parts.logger.error('whether a container is paused could not be settled', {
      container: record.id,
      error: messageOf(error),
    });
  }
}

function recordUnseenExit(parts: Parts, id: string): void {
  stopHealth(parts, id);
  const at = formatTime(parts.clock());
  parts.containers.update(id, (current) => ({ ...current, state: exited(current.state, unseenExit, at) }));
}

function warnOfRuntime({ logger }: Parts, { id, hostConfig }: ContainerRecord): void {
  logger.warn(
    'the runtime of a running container is not among the options: it can be stopped and killed, but not paused, and no exec can run in it',
    { container: id, runtime: hostConfig.Runtime ?? '' },
  );
}

/** A container without its log is better than a log without its container. */
async function openLog(parts: Parts, record: ContainerRecord): Promise<LogWriter | undefined> {
  try {
    return await persistently(() => parts.logs.of(record).open({ resumes: true }));
  } catch (error) {
    parts.logger.error('the log of a running container cannot be opened: its output is lost until it starts again', {
      container: record.id,
      error: messageOf(error),
    });
    return undefined;
  }
}
