/** What the threads that copy files out of containers and into them are asked, and what they answer. */
import type { RootViewPlan } from '../linux/index.ts';
import type { ExtractOptions } from './extractTree.ts';
import type { PathStat } from './pathStat.ts';
import type { WorkerFailure } from './workerFailure.ts';

/** A container's root: an open descriptor of a running one's, or how to put a stopped one's together. */
export type ContainerRoot =
  | { readonly kind: 'open'; readonly fd: number }
  | { readonly kind: 'view'; readonly plan: RootViewPlan };

export type ArchiveTask =
  | { readonly kind: 'stat'; readonly path: string }
  /** Small text files, undefined for what is none. */
  | { readonly kind: 'readTexts'; readonly paths: readonly string[]; readonly limitBytes: number }
  | { readonly kind: 'pack'; readonly path: string; readonly writeFd: number }
  /** The whole root, without what is mounted below it. */
  | { readonly kind: 'export'; readonly writeFd: number }
  | {
      readonly kind: 'unpack';
      readonly path: string;
      readonly readFd: number;
      readonly options: ExtractOptions;
      /** The container's root is to refuse writes, although its mount may not. */
      readonly isRootReadOnly: boolean;
    };

/** What a job tells before it ends. */
export interface ArchiveTold {
  readonly stat?: PathStat;
  readonly texts?: readonly (string | undefined)[];
}

export interface ArchiveJob {
  readonly root: ContainerRoot;
  readonly task: ArchiveTask;
}

/** What there is to tell comes first; then how the job has ended. */
export type ArchiveAnswer =
  | { readonly kind: 'told'; readonly told: ArchiveTold }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: WorkerFailure };
