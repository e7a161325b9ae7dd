import { bytesOf, toByteString } from '../../base/index.ts';
import type { SnapshotChange } from '../snapshotter.ts';
import { walkDiff } from './layerDiff.ts';

/** An upper directory, what it lies on (the topmost first), and what does not count; see `walkDiff`. */
export interface DiffJob {
  readonly upper: string;
  readonly lowers: readonly string[];
  readonly made: readonly string[];
}

/** The names of `made` as `walkDiff` wants them. */
export function madeNames({ made }: Pick<DiffJob, 'made'>): ReadonlySet<string> {
  return new Set(made.map((path) => toByteString(path.replace(/^\/+/, ''))));
}

/** The changes of an upper directory, parents first. Blocks its thread: not for the main thread. */
export function listChanges(job: DiffJob): SnapshotChange[] {
  const changes: SnapshotChange[] = [];
  walkDiff(job.upper, job.lowers, madeNames(job), {
    change: (path, kind) => void changes.push({ path: `/${bytesOf(path).toString('utf8')}`, kind }),
    entry: () => {},
    whiteout: () => {},
    opaque: () => {},
  });
  return changes;
}
