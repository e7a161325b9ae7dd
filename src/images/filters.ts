import { GantryError, hasEntry, parseGoDuration, parseRfc3339, parseTimestamp } from '../base/index.ts';
import { familiar, familiarName } from '../oci/index.ts';
import type { Reference } from '../oci/index.ts';
import { compileGlob } from './glob.ts';
import type { ImageFilters, ImageRecord } from './types.ts';

function invalidFilter(key: string, values?: ReadonlySet<string>): GantryError {
  return new GantryError(
    'invalid',
    `invalid filter '${key}${values === undefined ? '' : `=[${[...values].join(' ')}]`}'`,
  );
}

/** Refuses filters that are not among `known`. */
export function checkFilterKeys(filters: ImageFilters, known: readonly string[]): void {
  for (const key of filters.keys()) if (!known.includes(key)) throw invalidFilter(key);
}

/** A filter that is true or false; undefined when it is not given. */
export function booleanFilter(filters: ImageFilters, key: string): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined || values.size === 0) return undefined;
  const yes = ['1', 'true', 'True', 'TRUE', 't', 'T'];
  const no = ['0', 'false', 'False', 'FALSE', 'f', 'F'];
  const meant = new Set(
    [...values].map((value) => (yes.includes(value) ? true : no.includes(value) ? false : undefined)),
  );
  const [only] = meant;
  if (meant.size !== 1 || only === undefined) throw invalidFilter(key, values);
  return only;
}

/** Nanoseconds before which `until` wants things to have been created: a time, or a duration back from now. */
export function untilFilter(filters: ImageFilters, nowNs: bigint): bigint | undefined {
  const values = [...(filters.get('until') ?? [])];
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) throw new GantryError('invalid', 'more than one until filter specified');
  return /^[-+]?[\d.]+[a-zµμ]/.test(value) && !value.includes('T')
    ? nowNs - parseGoDuration(value)
    : parseTimestamp(value);
}

/** When the image's author made it, in nanoseconds. */
export function createdNs(image: ImageRecord): bigint | undefined {
  return image.config.created === undefined ? undefined : parseRfc3339(image.config.created);
}

/** Whether `labels` has every wanted `key` or `key=value`. */
function hasLabels(image: ImageRecord, wanted: ReadonlySet<string>): boolean {
  const labels = image.config.config?.Labels ?? {};
  return [...wanted].every((each) => hasEntry(labels, each));
}

/** The filters `label` and `label!`. */
export function matchesLabels(image: ImageRecord, filters: ImageFilters): boolean {
  const excluded = filters.get('label!');
  if (excluded !== undefined && excluded.size > 0 && hasLabels(image, excluded)) return false;
  return hasLabels(image, filters.get('label') ?? new Set());
}

/** Whether a reference matches the filter `reference`: any of its patterns, with the tag or without it. */
export function referenceFilter(filters: ImageFilters): ((reference: Reference) => boolean) | undefined {
  const values = filters.get('reference');
  if (values === undefined || values.size === 0) return undefined;
  const patterns = [...values].map(compileGlob);
  return (reference) => patterns.some((matches) => matches(familiar(reference)) || matches(familiarName(reference)));
}
