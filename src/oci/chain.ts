import { digestOf } from './digest.ts';
import type { Digest } from './digest.ts';

/**
 * The chain ids of layers, lowest first (config.md, "Layer ChainID"): the first layer's is its diff id, every further one
 * is the digest of the chain id below, a space, and the layer's diff id.
 */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}
