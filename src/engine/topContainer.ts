import type { ContainerTop } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { isAlive, type ContainerRecord } from '../containers/index.ts';
import { cgroupPids, runPs } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/** GET /containers/{id}/top: the host's ps, cut down to the container's processes. */
export async function topContainer(
  parts: Pick<EngineParts, 'containers' | 'cgroups' | 'settings' | 'journal'>,
  ref: string,
  psArgs: string | undefined,
): Promise<ContainerTop> {
  const args = psArgs || '-ef';
  refusePidTitles(args);
  const record = parts.containers.find(ref);
  refuseNotRunning(record);
  const pids = cgroupPids(parts.cgroups, containerCgroup(parts, record));
  const words = args.split(' ').filter((word) => word !== '');
  const table = parsePs(await runPs(words, pids), new Set(pids.map(String)));
  announce(parts, record, 'top');
  return table;
}

/** `-o user=PID` would pass another column off as that of the pids. */
function refusePidTitles(args: string): void {
  for (const [, column = '', title = ''] of args.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g)) {
    if (column !== 'pid') throw new GantryError('internal', `specifying "${column}=${title}" is not allowed`);
  }
}

function refuseNotRunning({ id, state }: ContainerRecord): void {
  if (state.status === 'restarting') {
    throw new GantryError('conflict', `container ${id} is restarting, wait until the container is running`);
  }
  if (!isAlive(state)) throw new GantryError('conflict', `container ${id} is not running`);
}

/**
 * Rows of ps whose PID is among `pids`; the last column takes what is left of a line. Threads, which have `-` for a pid,
 * belong to the process above them.
 */
export function parsePs(
  lines: readonly string[],
  pids: ReadonlySet<string>,
): { Titles: string[]; Processes: string[][] } {
  const titles = (lines[0] ?? '').trim().split(/\s+/);
  const pidColumn = titles.lastIndexOf('PID');
  if (pidColumn < 0)
    throw new GantryError('internal', "Couldn't find PID field in ps output", {
      hint: 'Name pid among the columns: -o pid,comm.',
    });
  const rows: string[][] = [];
  let isOurs = false;
  for (const line of lines.slice(1)) {
    const row = splitColumns(line.trim(), titles.length);
    const pid = row[pidColumn] ?? '';
    if (pid !== '-') isOurs = pids.has(pid);
    if (isOurs) rows.push(row);
  }
  return { Titles: titles, Processes: rows };
}

function splitColumns(line: string, count: number): string[] {
  const words = line.split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
