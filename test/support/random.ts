/** Random numbers that a seed repeats. */
import { randomInt } from 'node:crypto';

export interface Random {
  readonly seed: number;
  /** An integer from 0 on, below the given one. */
  below(limit: number): number;
  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T;
}

/** A small generator (mulberry32), from the seed in TEST_SEED or from one that nobody knew before. */
export function seededRandom(): Random {
  const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % limit;
  };
  const pick = <T>(values: readonly T[]): T => {
    const value = values[below(values.length)];
    if (value === undefined) throw new Error('there is nothing to pick from');
    return value;
  };
  return { seed, below, pick };
}
