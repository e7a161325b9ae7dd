import { GantryError } from './errors.ts';
import { parseGoDuration } from './duration.ts';
import { parseTimestamp } from './time.ts';

/**
 * Nanoseconds of a point in time as a filter names it: a timestamp as `parseTimestamp` takes it, or a duration before `nowNs`
 * such as `24h`. Throws `invalid`.
 */
export function parseTimeOrDuration(text: string, nowNs: bigint): bigint {
  if (/^[\d.]+$/.test(text) || /[T-]/.test(text)) return parseTimestamp(text);
  try {
    return nowNs - parseGoDuration(text);
  } catch (error) {
    throw new GantryError(
      'invalid',
      `invalid time ${JSON.stringify(text)}: expected a duration such as 24h, or a timestamp`,
      {
        cause: error,
      },
    );
  }
}
