/** Whether the kernel has killed for want of memory in a cgroup, also when the cgroup is gone by the time of the question. */
import { closeSync, openSync, readSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { hasCode } from '../base/index.ts';
import { oomKills } from './cgroups.ts';
import type { CgroupLayout } from './cgroups.ts';
import { checked, libc } from './libc.ts';

export interface OomWatch {
  /** Asked once, after the container's end; gives the watch up. Resolves within some 100 ms. */
  hasKilled(): Promise<boolean>;
}

const eventfd = libc.func('int eventfd(unsigned int initial, int flags)');
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;

/** The kernel tells of a cgroup's removal through the same counter, a moment after the removal. */
const removalNoticeLimitMs = 100;
const removalNoticeStepMs = 10;

/**
 * Watches cgroup `path` (`/gantry/ID`), which should have a memory limit. Undefined when it is gone already or the kernel
 * has no memory controller. Throws the system error.
 */
export function watchOom(layout: CgroupLayout, path: string): OomWatch | undefined {
  try {
    const memory = layout.hierarchies.get('memory');
    return memory === undefined ? watchEvents(layout, path) : watchCounter(layout, path, join(memory, path));
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** v2: memory.events tells of changes (cgroup-v2.rst, "memory.events"). */
function watchEvents(layout: CgroupLayout, path: string): OomWatch {
  let killed = (oomKills(layout, path) ?? 0) > 0;
  const check = (): void => {
    killed ||= (oomKills(layout, path) ?? 0) > 0;
  };
  const watcher = watch(join(layout.unified ?? '/sys/fs/cgroup', path, 'memory.events'), { persistent: false }, check);
  watcher.on('error', () => watcher.close());
  return {
    hasKilled: async () => {
      check();
      watcher.close();
      return killed;
    },
  };
}

/** v1: an eventfd counts out-of-memory situations, and one more when the cgroup goes (memory.rst, "OOM Control"). */
function watchCounter(layout: CgroupLayout, path: string, dir: string): OomWatch {
  const before = (oomKills(layout, path) ?? 0) > 0;
  const counter = checked(eventfd(0, closeOnExec | nonBlocking) as number, 'eventfd');
  try {
    register(dir, counter);
  } catch (error) {
    closeSync(counter);
    throw error;
  }
  return {
    hasKilled: async () => {
      let total = readCounter(counter);
      if (oomKills(layout, path) === undefined && total === 1n) total += await removalNotice(counter);
      const inTime = (oomKills(layout, path) ?? 0) > 0;
      closeSync(counter);
      return before || inTime || total > 1n;
    },
  };
}

/** One notice may be either of the two, so another is waited for, which tells them apart. */
async function removalNotice(counter: number): Promise<bigint> {
  const deadline = Date.now() + removalNoticeLimitMs;
  let count = 0n;
  while (count === 0n && Date.now() < deadline) {
    await delay(removalNoticeStepMs);
    count = readCounter(counter);
  }
  return count;
}

function register(dir: string, counter: number): void {
  const control = openSync(join(dir, 'memory.oom_control'), 'r');
  try {
    writeFileSync(join(dir, 'cgroup.event_control'), `${counter} ${control}`);
  } finally {
    closeSync(control);
  }
}

/** What an eventfd has counted since it was last read. */
function readCounter(fd: number): bigint {
  const value = Buffer.alloc(8);
  try {
    readSync(fd, value);
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return 0n;
    throw error;
  }
  return value.readBigUInt64LE();
}
