import { randomBytes } from 'node:crypto';

import type { NetworkRecord, Records } from './types.ts';

/** Ids (64 hex digits) of the networks that every daemon has. */
export interface NetworkIds {
  readonly bridge: string;
  readonly host: string;
  readonly none: string;
}

/** A new id: 64 random hex digits. */
export const newId = (): string => randomBytes(32).toString('hex');

/** The daemon's network ids, made and recorded the first time. */
export function networkIds(records: Records<NetworkRecord>): NetworkIds {
  const idOf = (name: string): string => {
    const known = records.get(name);
    if (known !== undefined) return known.id;
    const id = newId();
    records.put(name, { id });
    return id;
  };
  return { bridge: idOf('bridge'), host: idOf('host'), none: idOf('none') };
}
