import { totalmem } from 'node:os';

import type { ContainerStats } from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { isAlive } from '../containers/index.ts';
import { readCgroupStats, readHostCpu, readInterfaceCounters, type InterfaceCounters } from '../linux/index.ts';

import { containerCgroup } from './containerCgroup.ts';
import { networkModeOf } from './networkMode.ts';
import type { EngineParts } from './parts.ts';
import { statsView, type ContainerSample } from './statsView.ts';

export type StatsParts = Pick<EngineParts, 'clock' | 'settings' | 'cgroups' | 'containers' | 'waiters' | 'samples'>;

export interface StatsOptions {
  /** One sample a second until the container is removed or the client goes; else one in all. */
  readonly stream: boolean;
  /** One sample at once, without one before it to compare with. Only without `stream`. */
  readonly oneShot: boolean;
}

/**
 * GET /containers/{id}/stats: what the kernel has counted. Sampled once a second while somebody looks, once for all who do. A
 * container that does not run has an empty answer, and a stream of them, which goes on when it starts.
 */
export async function containerStats(
  parts: StatsParts,
  ref: string,
  { stream, oneShot }: StatsOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<ContainerStats>> {
  if (stream && oneShot) throw new GantryError('invalid', 'cannot have stream=true and one-shot=true');
  const { id } = parts.containers.find(ref);
  if (stream) return samples(parts, id, signal);
  const runs = isAlive(parts.containers.find(id).state);
  return runs && !oneShot
    ? secondOf(samples(parts, id, signal))
    : only(viewOf(parts, id, takeSample(parts, id), undefined));
}

async function* only<T>(item: T): AsyncGenerator<T> {
  yield item;
}

function takeSample(parts: StatsParts, id: string): ContainerSample | undefined {
  const record = parts.containers.get(id);
  if (record === undefined || !isAlive(record.state)) return undefined;
  const cgroup = readCgroupStats(parts.cgroups, containerCgroup(parts, record));
  if (cgroup === undefined) return undefined;
  const ownsNetwork = networkModeOf(record) !== 'host';
  return {
    readAtNs: parts.clock(),
    host: readHostCpu(),
    cgroup,
    networks: ownsNetwork ? containerInterfaces(record.state.pid) : new Map(),
  };
}

/** Those that the engine made; others are the loopback, what the kernel adds by itself, and what the container's own. */
const ownInterface = /^eth\d+$/;

function containerInterfaces(pid: number): Map<string, InterfaceCounters> {
  return new Map([...readInterfaceCounters(pid)].filter(([name]) => ownInterface.test(name)));
}

function viewOf(
  { containers }: StatsParts,
  id: string,
  sample: ContainerSample | undefined,
  previous: ContainerSample | undefined,
): ContainerStats {
  return statsView({ id, name: containers.get(id)?.name ?? '' }, sample, previous, totalmem());
}

/** Samples as they come, each with the one before it. A client that is slow misses some. */
async function* samples(parts: StatsParts, id: string, signal: AbortSignal): AsyncGenerator<ContainerStats> {
  const slot = new LatestSlot<ContainerSample | undefined>();
  const ended = new AbortController();
  const end = (): void => slot.end();
  signal.addEventListener('abort', end, { once: true });
  void parts.waiters.next(id, 'removed', ended.signal).then(end);
  let stop: (() => void) | undefined;
  try {
    stop = parts.samples.watch(id, { take: () => takeSample(parts, id), onSample: (sample) => slot.put(sample) });
    let previous: ContainerSample | undefined;
    for await (const sample of slot) {
      if (signal.aborted || parts.containers.get(id) === undefined) return;
      yield viewOf(parts, id, sample, previous);
      previous = sample;
    }
  } finally {
    stop?.();
    ended.abort();
    signal.removeEventListener('abort', end);
  }
}

/** The first has nothing before it: CPU use is a difference. */
async function* secondOf(source: AsyncIterable<ContainerStats>): AsyncGenerator<ContainerStats> {
  let count = 0;
  for await (const item of source) {
    count++;
    if (count < 2) continue;
    yield item;
    return;
  }
}

/** A place for one item: a newer one takes the place of one that nobody has taken. */
class LatestSlot<T> implements AsyncIterable<T> {
  #item: { readonly value: T } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  put(value: T): void {
    this.#item = { value };
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (!this.#ended) {
      const item = this.#item;
      this.#item = undefined;
      if (item !== undefined) yield item.value;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
