/** Memory that an engine takes for itself (PSS), idle and for each idle container beyond the container's own process. */
import { readdirSync, readFileSync } from 'node:fs';

import { pssBytes } from '../test/support/daemon.ts';
import type { Engine } from './engine.ts';
import { sleeping } from './scenarios.ts';

export interface MemoryFigures {
  readonly idleBytes: number;
  readonly perContainerBytes: number;
}

const containerCount = 10;

/** Undefined when the engine's processes are not known. */
export async function measureMemory(engine: Engine, image: string): Promise<MemoryFigures | undefined> {
  if (engine.pids.length === 0) return undefined;
  const idleBytes = await sumOfPss(engine.pids);
  const before = new Set(processes());
  const ids: string[] = [];
  try {
    for (let index = 0; index < containerCount; index += 1) ids.push(await sleeping(engine, image));
    const own = new Set(await Promise.all(ids.map((id) => engine.pidOf(id))));
    const helpers = processes().filter((pid) => !before.has(pid) && !own.has(pid) && servesAny(pid, ids));
    const withContainers = await sumOfPss([...engine.pids, ...helpers]);
    return { idleBytes, perContainerBytes: (withContainers - idleBytes) / containerCount };
  } finally {
    for (const id of ids) await engine.remove(id);
  }
}

/** A shim, a monitor, a runtime left in the foreground: each names its container on its command line. */
function servesAny(pid: number, ids: readonly string[]): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return ids.some((id) => command.includes(id));
  } catch {
    return false;
  }
}

async function sumOfPss(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(pids.map((pid) => pssBytes(pid)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function processes(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}
