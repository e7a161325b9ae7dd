import { canonical, hexOf } from '../oci/index.ts';
import { booleanFilter, checkFilterKeys, createdNs, matchesLabels, untilFilter } from './filters.ts';
import { childrenOf, referencesByImage } from './lookup.ts';
import { planRemovals } from './remove.ts';
import type { RemovalPlan } from './remove.ts';
import type { ImageFilters, ImageRecord, ImageState, ImageUser } from './types.ts';

/**
 * What `docker image prune` removes: untagged images that no container uses, or with `dangling=false` all unused ones;
 * filters `until`, `label`, `label!`. Throws `invalid` for other filters. Pure.
 */
export function planPrune(
  state: ImageState,
  filters: ImageFilters,
  context: { readonly usedBy: Iterable<ImageUser>; readonly nowNs: bigint },
): RemovalPlan {
  checkFilterKeys(filters, ['dangling', 'label', 'label!', 'until']);
  const danglingOnly = booleanFilter(filters, 'dangling') ?? true;
  const untilNs = untilFilter(filters, context.nowNs);
  const references = referencesByImage(state);
  const texts = [...state.images.values()].flatMap((image) => {
    const own = references.get(image.id) ?? [];
    const hasChildren = childrenOf(state, image.id).length > 0;
    if (hasChildren && (danglingOnly || own.length === 0)) return [];
    if (!isOlder(image, untilNs) || !matchesLabels(image, filters)) return [];
    if (danglingOnly && own.some(({ digest }) => digest === undefined)) return [];
    return own.length === 0 ? [hexOf(image.id)] : own.map(canonical);
  });
  return planRemovals(state, texts, context.usedBy);
}

function isOlder(image: ImageRecord, untilNs: bigint | undefined): boolean {
  if (untilNs === undefined) return true;
  const created = createdNs(image);
  return created !== undefined && created <= untilNs;
}
