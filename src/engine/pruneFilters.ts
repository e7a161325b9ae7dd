import { GantryError, hasEntry, parseTimeOrDuration, type Clock } from '../base/index.ts';

interface Prunable {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

/** The filters of container prune (until, label, label!); others are `invalid`. */
export function pruneMatcher(
  filters: ReadonlyMap<string, ReadonlySet<string>>,
  clock: Clock,
): (candidate: Prunable) => boolean {
  for (const key of filters.keys()) {
    if (!['until', 'label', 'label!'].includes(key)) throw new GantryError('invalid', `invalid filter '${key}'`);
  }
  const until = [...(filters.get('until') ?? [])];
  if (until.length > 1) throw new GantryError('invalid', 'more than one until filter specified');
  const untilMs = until[0] === undefined ? undefined : Number(parseTimeOrDuration(until[0], clock()) / 1_000_000n);
  const wanted = [...(filters.get('label') ?? [])];
  const unwanted = [...(filters.get('label!') ?? [])];
  return ({ labels, createdAtMs }) =>
    (untilMs === undefined || createdAtMs < untilMs) &&
    wanted.every((label) => hasEntry(labels, label)) &&
    // As with Docker, only what has all of them is left alone.
    !(unwanted.length > 0 && unwanted.every((label) => hasEntry(labels, label)));
}
