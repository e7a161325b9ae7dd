/** What a daemon holds: memory, descriptors, threads, and what it has on the machine. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { Gantryd } from '../test/support/daemon.ts';
import { pssBytes } from '../test/support/daemon.ts';
import { cgroupParents, linkTraces } from '../test/support/leaks.ts';
import { median } from './measure.ts';

export interface Holdings {
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Mounts below the daemon's directory; kept network namespaces are mounts too. */
  readonly mounts: number;
  readonly namespaces: number;
  readonly links: number;
  readonly cgroups: number;
  /** The daemon's children and all that names its directory. */
  readonly processes: number;
  /** Directories of containers, execs and snapshots on the disk. */
  readonly directories: number;
}

export async function holdingsOf(gantryd: Gantryd): Promise<Holdings> {
  const { pid, directory } = gantryd;
  const namespaces = entries(path.join(directory, 'exec/netns'));
  return {
    rssBytes: rssBytes(pid),
    pssBytes: await pssBytes(pid),
    descriptors: entries(`/proc/${pid}/fd`),
    threads: entries(`/proc/${pid}/task`),
    mounts: mountsBelow(directory),
    namespaces,
    links: (await linkTraces(gantryd)).length,
    cgroups: cgroupParents(gantryd).reduce((sum, parent) => sum + directoriesIn(parent), 0),
    processes: processesOf(gantryd),
    directories: [
      'exec/containers',
      'exec/execs',
      'data/containers',
      'data/snapshots/overlay',
      'data/snapshots/overlay/trash',
    ]
      .map((name) => entries(path.join(directory, name)))
      .reduce((sum, number) => sum + number, 0),
  };
}

interface Course {
  readonly before: Holdings;
  /** At intervals. */
  readonly settled: readonly Holdings[];
  readonly after: Holdings;
  readonly count: number;
}

/** A pool's spare, a thread about to go: not more than this, however many containers there were. */
const slack: Readonly<Record<Exclude<keyof Holdings, 'rssBytes' | 'pssBytes'>, number>> = {
  descriptors: 8,
  threads: 6,
  mounts: 4,
  namespaces: 4,
  links: 4,
  cgroups: 0,
  processes: 0,
  directories: 2,
};
/** What the memory of a warm daemon may differ by from one time to another: garbage comes and goes in megabytes. */
const flatBytes = 6_000_000;
/** Growth that no measurement could tell from noise, a container. */
const flatBytesPerContainer = 1_000;

/** What is more than it was at the beginning, in words. Memory is compared from the middle on, when all is warm. */
export function leaks({ before, settled, after, count }: Course): string[] {
  const found = Object.entries(slack).flatMap(([key, most]) => {
    const name = key as keyof typeof slack;
    const more = after[name] - before[name];
    return more > most ? [`${name}: ${more} more than before ${count} containers`] : [];
  });
  const grown = growth(settled.map(({ pssBytes: bytes }) => bytes));
  if (grown > flatBytes + (flatBytesPerContainer * count) / 4)
    found.push(`memory: ${Math.round(grown / 1e6)} MB more in the last quarter of the way than in the one before`);
  return found;
}

/** From the third quarter of the samples to the last, by their medians. */
function growth(samples: readonly number[]): number {
  const warm = samples.slice(Math.floor(samples.length / 2));
  const middle = Math.floor(warm.length / 2);
  return middle === 0 ? 0 : median(warm.slice(middle)) - median(warm.slice(0, middle));
}

function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

function entries(directory: string): number {
  try {
    return readdirSync(directory).length;
  } catch {
    return 0;
  }
}

function directoriesIn(directory: string): number {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length;
  } catch {
    return 0;
  }
}

function mountsBelow(directory: string): number {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => line.split(' ')[4]?.startsWith(`${directory}/`) === true).length;
}

function processesOf({ pid, directory }: Gantryd): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== pid && belongs(name)).length;

  function belongs(name: string): boolean {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
      return parent === pid || readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`${directory}/`);
    } catch {
      return false; // it has ended meanwhile
    }
  }
}
