import type { ImageHistoryItem, ImageInspect, ImageSummary } from '../api/index.ts';
import { zeroTime } from '../base/index.ts';
import { familiar } from '../oci/index.ts';
import type { ImageRunConfig, Reference } from '../oci/index.ts';
import { booleanFilter, checkFilterKeys, createdNs, matchesLabels, referenceFilter, untilFilter } from './filters.ts';
import { findImage, referencesByImage, referencesOf } from './lookup.ts';
import type { ImageFilters, ImageRecord, ImageState } from './types.ts';

const nsPerSecond = 1_000_000_000n;

function seconds(timeNs: bigint | undefined): number {
  return timeNs === undefined ? 0 : Number(timeNs / nsPerSecond);
}

function tagsOf(references: readonly Reference[]): string[] {
  return references.filter(({ digest }) => digest === undefined).map(familiar);
}

function digestsOf(references: readonly Reference[]): string[] {
  return references.filter(({ digest }) => digest !== undefined).map(familiar);
}

/** One element of `GET /images/json`, under the given references. */
export function summary(image: ImageRecord, references: readonly Reference[]): ImageSummary {
  return {
    Containers: -1,
    Created: seconds(createdNs(image)),
    Id: image.id,
    // Docker says null where an image has no labels, and clients expect it.
    Labels: image.config.config?.Labels ?? null,
    ParentId: image.parentId ?? '',
    RepoDigests: digestsOf(references),
    RepoTags: tagsOf(references),
    SharedSize: -1,
    Size: image.sizeBytes,
  };
}

/** Docker leaves out what is empty in an image's configuration. */
function filled(config: ImageRunConfig | undefined): ImageInspect['Config'] {
  const fields: unknown = Object.fromEntries(
    Object.entries(config ?? {}).filter(([, value]: [string, unknown]) => {
      if (value === undefined || value === null || value === '' || value === false) return false;
      return typeof value !== 'object' || Object.keys(value).length > 0;
    }),
  );
  return fields as ImageInspect['Config'];
}

/** Answer of `GET /images/NAME/json`; `graphDriver` says where the snapshotter keeps it. */
export function inspect(
  state: ImageState,
  image: ImageRecord,
  graphDriver: { readonly name: string; readonly data: Readonly<Record<string, string>> },
): ImageInspect {
  const { config } = image;
  const references = referencesOf(state, image.id);
  return {
    Id: image.id,
    RepoTags: tagsOf(references),
    RepoDigests: digestsOf(references),
    Parent: image.parentId ?? '',
    Comment: (config.comment ?? '') || (config.history?.at(-1)?.comment ?? ''),
    Created: config.created ?? '',
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: filled(config.config),
    Architecture: config.architecture,
    ...(config.variant !== undefined && config.variant !== '' && { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] !== undefined && { OsVersion: config['os.version'] }),
    Size: image.sizeBytes,
    GraphDriver: { Data: { ...graphDriver.data }, Name: graphDriver.name },
    RootFS: {
      Type: 'layers',
      ...(config.rootfs.diff_ids.length > 0 && { Layers: [...config.rootfs.diff_ids] }),
    },
    Metadata: { LastTagTime: image.lastTagTime ?? zeroTime },
  };
}

/** Answer of `GET /images/NAME/history`, newest first. Steps below the oldest image that is known have the id `<missing>`. */
export function history(state: ImageState, image: ImageRecord): ImageHistoryItem[] {
  let layer = 0;
  const items = (image.config.history ?? []).map((entry): ImageHistoryItem => {
    const size = entry.empty_layer === true ? 0 : (image.layers[layer++]?.unpackedBytes ?? 0);
    const created = entry.created === undefined ? 0 : Math.floor(Date.parse(entry.created) / 1000);
    return {
      Comment: entry.comment ?? '',
      Created: created,
      CreatedBy: entry.created_by ?? '',
      Id: '<missing>',
      Size: size,
      Tags: null,
    };
  });
  items.reverse();
  let current: ImageRecord | undefined = image;
  for (const item of items) {
    if (current === undefined) break;
    const tags = tagsOf(referencesOf(state, current.id));
    item.Id = current.id;
    if (tags.length > 0) item.Tags = tags;
    current = current.parentId === undefined ? undefined : state.images.get(current.parentId);
  }
  return items;
}

/**
 * Answer of `GET /images/json`, newest first; filters dangling, label, before, since, reference, until. Images that others
 * were built on and that have no name are shown with `all` only. Throws `invalid` for other filters, `notFound` for an
 * unknown image in before or since.
 */
export function list(
  state: ImageState,
  filters: ImageFilters,
  context: { readonly all: boolean; readonly nowNs: bigint },
): ImageSummary[] {
  checkFilterKeys(filters, ['dangling', 'label', 'before', 'since', 'reference', 'until']);
  const dangling = booleanFilter(filters, 'dangling');
  const isShown = ageFilter(state, filters, context.nowNs);
  const matchesReference = referenceFilter(filters);
  const references = referencesByImage(state);
  const parents = new Set([...state.images.values()].map(({ parentId }) => parentId));
  const summaries = [...state.images.values()].flatMap((image) => {
    if (!isShown(image) || !matchesLabels(image, filters)) return [];
    if (dangling === true && parents.has(image.id)) return [];
    const own = references.get(image.id) ?? [];
    const shown = matchesReference === undefined ? own : own.filter(matchesReference);
    if (shown.length === 0) {
      const hidden = parents.has(image.id) && !context.all;
      if (hidden || dangling === false || matchesReference !== undefined) return [];
    } else if (dangling === true && shown.some(({ digest }) => digest === undefined)) {
      return [];
    }
    return [summary(image, shown)];
  });
  return summaries.sort((a, b) => b.Created - a.Created);
}

function ageFilter(state: ImageState, filters: ImageFilters, nowNs: bigint): (image: ImageRecord) => boolean {
  const timesOf = (key: string): readonly bigint[] =>
    [...(filters.get(key) ?? [])].map((text) => createdNs(findImage(state, text)) ?? 0n);
  const before = timesOf('before');
  const since = timesOf('since');
  const untilNs = untilFilter(filters, nowNs);
  return (image) => {
    const created = createdNs(image) ?? 0n;
    if (before.some((limit) => created >= limit) || since.some((limit) => created <= limit)) return false;
    return untilNs === undefined || created <= untilNs;
  };
}
