/** Interleaved measurement: every round takes one sample of every engine, so that a busy minute hits them all. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Engine } from './engine.ts';

export interface Scenario {
  readonly name: string;
  readonly rounds: number;
  /** Whether it applies to the engine; all when absent. */
  readonly concerns?: (engine: Engine) => boolean;
  /** Once before the rounds. What it gives is handed to the rest. */
  readonly before?: (engine: Engine) => Promise<string>;
  /** Before each sample, not timed. */
  readonly prepare?: (engine: Engine, prepared: string) => Promise<void>;
  readonly sample: (engine: Engine, prepared: string) => Promise<void>;
  /** What no engine can be faster than; sampled once a round. */
  readonly floor?: () => Promise<void>;
  readonly after?: (engine: Engine, prepared: string) => Promise<void>;
}

/** Samples of the floor go by this name. */
export const floorName = 'crun alone';

/** Samples in milliseconds, by engine name. */
export type Samples = ReadonlyMap<string, readonly number[]>;

export async function measure(scenario: Scenario, engines: readonly Engine[]): Promise<Samples> {
  const concerned = engines.filter((engine) => scenario.concerns?.(engine) ?? true);
  const prepared = new Map<string, string>();
  const samples = new Map<string, number[]>();
  try {
    for (const engine of concerned) prepared.set(engine.name, (await scenario.before?.(engine)) ?? '');
    const takers = concerned.map((engine) => ({
      name: engine.name,
      take: () => sampleOnce(scenario, engine, prepared.get(engine.name) ?? ''),
    }));
    const { floor } = scenario;
    if (floor !== undefined) takers.unshift({ name: floorName, take: () => timed(floor) });
    for (const { name } of takers) samples.set(name, []);
    // The first round warms up and does not count. Every second one goes backwards: nobody always follows the same one.
    for (let round = 0; round <= scenario.rounds; round += 1) {
      for (const { name, take } of round % 2 === 0 ? takers : takers.toReversed()) {
        const taken = await take();
        if (round > 0) samples.get(name)?.push(taken);
      }
    }
  } finally {
    for (const engine of concerned) {
      if (prepared.has(engine.name)) await scenario.after?.(engine, prepared.get(engine.name) ?? '');
    }
  }
  return samples;
}

async function sampleOnce(scenario: Scenario, engine: Engine, prepared: string): Promise<number> {
  await scenario.prepare?.(engine, prepared);
  return timed(() => scenario.sample(engine, prepared));
}

/** What the sample before left the kernel to do (links and namespaces that go) is not to be charged to this one. */
const pauseMs = 150;

async function timed(work: () => Promise<void>): Promise<number> {
  await sleep(pauseMs);
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}
