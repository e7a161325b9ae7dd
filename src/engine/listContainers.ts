import type { ContainerInspect, ContainerSummary } from '../api/index.ts';
import { isAlive, type ContainerRecord } from '../containers/index.ts';

import { inspectView, summaryView, type ContainerSize } from './containerViews.ts';
import { containerMatcher, filterable } from './filterContainers.ts';
import type { EngineParts } from './parts.ts';

type Parts = Pick<
  EngineParts,
  | 'clock'
  | 'containers'
  | 'images'
  | 'network'
  | 'networkIds'
  | 'dataPaths'
  | 'execPaths'
  | 'snapshots'
  | 'execs'
  | 'health'
>;

export interface ListOptions {
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly size: boolean;
  readonly filters: ReadonlyMap<string, ReadonlySet<string>>;
}

/** GET /containers/json: the newest first. Without `all` and `limit` only those that run. */
export async function listContainers(parts: Parts, options: ListOptions): Promise<ContainerSummary[]> {
  const matcher = containerMatcher(parts, options.filters);
  const everyState = options.all || matcher.impliesAll || (options.limit ?? 0) > 0;
  const chosen = [...parts.containers.all()]
    .filter(({ state }) => everyState || isAlive(state) || state.status === 'restarting')
    .filter((record) => matcher.matches(filterable(parts, record)))
    .sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1))
    .slice(0, (options.limit ?? 0) > 0 ? options.limit : undefined);
  const nowMs = Number(parts.clock() / 1_000_000n);
  const sizes = options.size ? await measure(parts, chosen) : undefined;
  // Measuring takes a while: what has gone meanwhile is not listed.
  const left = chosen.flatMap(({ id }) => parts.containers.get(id) ?? []);
  return left.map((record) => summaryView(parts, record, nowMs, sizes?.get(record.id)));
}

/** Walking through files is the disk's work: a few containers at a time. */
const measuredAtOnce = 4;

async function measure(parts: Parts, records: readonly ContainerRecord[]): Promise<Map<string, ContainerSize>> {
  const sizes = new Map<string, ContainerSize>();
  const queue = records.values();
  const worker = async (): Promise<void> => {
    for (const record of queue) sizes.set(record.id, await sizeOf(parts, record));
  };
  await Promise.all(Array.from({ length: measuredAtOnce }, worker));
  return sizes;
}

/** GET /containers/{id}/json. */
export async function inspectContainer(
  parts: Parts,
  ref: string,
  options: { readonly size: boolean },
): Promise<ContainerInspect> {
  const record = parts.containers.find(ref);
  return inspectView(parts, record, options.size ? await sizeOf(parts, record) : undefined);
}

/** Bytes of the writable layer, and of it and the image together. One that is being removed has nothing of its own left. */
export async function sizeOf(
  { snapshots, images }: Pick<Parts, 'snapshots' | 'images'>,
  record: ContainerRecord,
): Promise<ContainerSize> {
  const { sizeBytes } = await snapshots.usage(record.id).catch((error: unknown) => {
    if (snapshots.stat(record.id) === undefined) return { sizeBytes: 0 };
    throw error;
  });
  return { writableBytes: sizeBytes, rootBytes: sizeBytes + (images.images.get(record.imageId)?.sizeBytes ?? 0) };
}
