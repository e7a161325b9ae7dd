import type { ContainerTop } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { isAlive } from '../containers/index.ts';
import { cgroupPids, runPs } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

const safeArguments = /^[-\w,=:+ ]*$/;

/** GET /containers/{id}/top: the host's ps, cut down to the container's processes. */
export async function topContainer(
  parts: Pick<EngineParts, 'containers' | 'cgroups' | 'settings' | 'journal'>,
  ref: string,
  psArgs: string | undefined,
): Promise<ContainerTop> {
  const record = parts.containers.find(ref);
  if (!isAlive(record.state)) throw new GantryError('conflict', `container ${record.id} is not running`);
  const args = psArgs || '-ef';
  if (!safeArguments.test(args)) throw new GantryError('invalid', `invalid ps arguments: ${JSON.stringify(args)}`);
  const pids = new Set(cgroupPids(parts.cgroups, containerCgroup(parts, record)).map(String));
  const table = parsePs(await runPs(args.split(/\s+/).filter((word) => word !== '')), pids);
  announce(parts, record, 'top');
  return table;
}

/** Rows of ps whose PID is among `pids`; the last column takes what is left of a line. */
export function parsePs(
  lines: readonly string[],
  pids: ReadonlySet<string>,
): { Titles: string[]; Processes: string[][] } {
  const titles = (lines[0] ?? '').trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0)
    throw new GantryError('invalid', "Couldn't find PID field in ps output", {
      hint: 'Name pid among the columns: -o pid,comm.',
    });
  const rows = lines.slice(1).map((line) => splitColumns(line.trim(), titles.length));
  return { Titles: titles, Processes: rows.filter((row) => pids.has(row[pidColumn] ?? '')) };
}

function splitColumns(line: string, count: number): string[] {
  const words = line.split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
