import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

import { GantryError } from '../base/index.ts';
import { runProgram } from '../linux/index.ts';
import type { CgroupLayout } from '../linux/index.ts';
import { runtimeEnv } from './launch.ts';

export interface RuntimeCandidate {
  /** As configured, and as clients name it. */
  readonly name: string;
  /** Absolute, or a program's name to look for in the usual directories. */
  readonly path: string;
}

export interface DetectedRuntime {
  readonly name: string;
  readonly path: string;
  /** What the program says of its version. */
  readonly version: string;
}

export interface Detection {
  readonly runtime: DetectedRuntime;
  /** Why an earlier candidate was passed over, and what would make it run. */
  readonly warnings: readonly string[];
}

/** What detection needs to know of the host; tests give their own. */
export interface DetectionHost {
  readonly cgroups: Pick<CgroupLayout, 'leftover' | 'unified'>;
  /** The absolute path of a program that can be executed; undefined when there is none. */
  findProgram(path: string): string | undefined;
  version(path: string): Promise<string>;
}

const programDirs = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A program by its absolute path, or by its name in the usual directories. */
export function findProgram(path: string): string | undefined {
  const places = path.startsWith('/') ? [path] : programDirs.map((dir) => join(dir, path));
  return places.find(isExecutable);
}

/** The host that this process runs on. */
export function detectionHost(cgroups: DetectionHost['cgroups']): DetectionHost {
  return {
    cgroups,
    findProgram,
    version: async (path) => (await runProgram(path, [path, '--version'], runtimeEnv)).output.trim(),
  };
}

/** Why crun would refuse to run anything here, with the cure; undefined when it would not. */
function crunObstacle({ leftover, unified }: DetectionHost['cgroups']): string | undefined {
  if (leftover.length === 0) return undefined;
  const cures = leftover.map((controller) => {
    const dir = `/sys/fs/cgroup/${controller}`;
    return `mkdir -p ${dir} && mount -t cgroup -o ${controller} ${controller} ${dir}`;
  });
  return `crun does not run here: the cgroup v2 tree at ${unified} keeps ${leftover.join(', ')} beside cgroup v1; this would make it run: ${cures.join(' && ')}`;
}

/**
 * The first of `candidates` that is there and can run containers on this host. None at all is `unavailable`, and says
 * what was looked for.
 */
export async function detectRuntime(candidates: readonly RuntimeCandidate[], host: DetectionHost): Promise<Detection> {
  const warnings: string[] = [];
  for (const { name, path } of candidates) {
    const program = host.findProgram(path);
    if (program === undefined) {
      warnings.push(`OCI runtime ${name} is not installed (looked for ${path})`);
      continue;
    }
    const version = await host.version(program);
    const obstacle = version.startsWith('crun') ? crunObstacle(host.cgroups) : undefined;
    if (obstacle === undefined) return { runtime: { name, path: program, version }, warnings };
    warnings.push(obstacle);
  }
  throw new GantryError('unavailable', `no OCI runtime can run containers here: ${warnings.join('; ')}`, {
    hint: 'Install crun or runc.',
  });
}
