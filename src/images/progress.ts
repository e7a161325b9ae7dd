import type { ProgressMessage } from '../api/index.ts';
import { humanSize } from '../base/index.ts';
import { familiar, withDefaultTag } from '../oci/index.ts';
import type { Digest, Reference } from '../oci/index.ts';
import { shortId } from './lookup.ts';

const barWidth = 50;
const defaultIntervalMs = 100;

/** What a layer's transfer reports. Counts are throttled; a step is always told. */
export interface LayerProgress {
  waiting(): void;
  downloading(currentBytes: number, totalBytes: number): void;
  verifying(): void;
  downloaded(): void;
  /** Bytes of the compressed blob that have been unpacked. */
  extracting(currentBytes: number, totalBytes: number): void;
  complete(): void;
}

/** What a pull reports, in Docker's words, which clients and scripts match on. */
export interface PullProgress {
  /** `Pulling from library/alpine`. */
  begin(): void;
  /**
   * Announces a layer under the first 12 digits of its blob's digest: `Pulling fs layer`, or `Already exists` when its snapshot is
   * there. Call it for all layers first.
   */
  layer(digest: Digest, options?: { readonly exists: boolean }): LayerProgress;
  /** `Digest: …` and `Status: …`, the last lines. `isNewer`: the name stands for another image than before. */
  end(result: { readonly digest: Digest; readonly isNewer: boolean }): void;
}

/** A bar such as `[=====>      ]  1.2MB/24MB`; empty when nothing is known. */
export function progressBar(currentBytes: number, totalBytes: number): string {
  if (currentBytes <= 0 && totalBytes <= 0) return '';
  const current = humanSize(currentBytes).padStart(8);
  if (totalBytes <= 0) return current;
  const filled = Math.min(Math.trunc(Math.trunc((currentBytes / totalBytes) * 100) / 2), barWidth);
  const bar = `[${'='.repeat(filled)}>${' '.repeat(barWidth - filled)}]`;
  return currentBytes > totalBytes ? `${bar} ${current}` : `${bar} ${current}/${humanSize(totalBytes)}`;
}

function layerProgress(
  id: string,
  report: (message: ProgressMessage) => void,
  clock: { readonly now: () => number; readonly intervalMs: number },
): LayerProgress {
  let lastStatus = '';
  let lastMs = 0;
  const step = (status: string): void => {
    lastStatus = status;
    report({ status, progressDetail: {}, id });
  };
  const count = (status: string, current: number, total: number): void => {
    const nowMs = clock.now();
    if (status === lastStatus && nowMs - lastMs < clock.intervalMs) return;
    lastStatus = status;
    lastMs = nowMs;
    report({ status, progressDetail: { current, total }, progress: progressBar(current, total), id });
  };
  return {
    waiting: () => step('Waiting'),
    downloading: (current, total) => count('Downloading', current, total),
    verifying: () => step('Verifying Checksum'),
    downloaded: () => step('Download complete'),
    extracting: (current, total) => count('Extracting', current, total),
    complete: () => step('Pull complete'),
  };
}

/** The progress messages of pulling `reference`; a layer's counts come at most every `intervalMs`. */
export function createPullProgress(
  report: (message: ProgressMessage) => void,
  reference: Reference,
  options: { readonly now?: () => number; readonly intervalMs?: number } = {},
): PullProgress {
  const wanted = withDefaultTag(reference);
  const clock = { now: options.now ?? (() => performance.now()), intervalMs: options.intervalMs ?? defaultIntervalMs };
  return {
    begin() {
      report({ status: `Pulling from ${wanted.repository}`, id: wanted.digest ?? wanted.tag ?? '' });
    },
    layer(digest, { exists } = { exists: false }) {
      const id = shortId(digest);
      report({ status: exists ? 'Already exists' : 'Pulling fs layer', progressDetail: {}, id });
      return layerProgress(id, report, clock);
    },
    end({ digest, isNewer }) {
      report({ status: `Digest: ${digest}` });
      const what = isNewer ? 'Downloaded newer image' : 'Image is up to date';
      report({ status: `Status: ${what} for ${familiar(wanted)}` });
    },
  };
}
