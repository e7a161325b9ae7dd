import { valueFlag, type Flag, type FlagExtras } from '../base/index.ts';
import type { Filters } from '../client/index.ts';
import { cut } from './containerValues.ts';

/** Adds one `name=value` to what was given before. */
function addFilter(text: string, before: Filters): Filters {
  if (text === '') return before;
  const [key, value] = cut(text, '=');
  if (value === undefined) throw new Error('bad format of filter (expected name=value)');
  const name = key.trim().toLowerCase();
  return new Map(before).set(name, new Set([...(before.get(name) ?? []), value.trim()]));
}

/** `--filter name=value`, repeated: different names narrow, the same name widens. */
export function filterFlag(usage: string, extras: Omit<FlagExtras<Filters>, 'type' | 'initial'> = {}): Flag<Filters> {
  return valueFlag<Filters>(usage, 'filter', new Map(), addFilter, extras);
}
