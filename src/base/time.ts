import { GantryError } from './errors.ts';

const nsPerMs = 1_000_000n;

/** RFC 3339 in UTC with nine digits after the point: `2026-01-02T03:04:05.000000006Z`. Sorts as text. */
export function formatFixedNano(timeNs: bigint): string {
  const secondNs = 1_000_000_000n;
  const fraction = ((timeNs % secondNs) + secondNs) % secondNs;
  const date = new Date(Number((timeNs - fraction) / nsPerMs));
  return `${date.toISOString().slice(0, -5)}.${fraction.toString().padStart(9, '0')}Z`;
}

const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;

/** Nanoseconds of an RFC 3339 time; undefined when it is not one. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, day = '', time = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * nsPerMs + BigInt(fraction.padEnd(9, '0'));
}

/**
 * Nanoseconds of a `since` or `until` as the API's clients send it: `1700000000`, `1700000000.123456789` or RFC 3339.
 * Throws `invalid` for anything else.
 */
export function parseTimestamp(text: string): bigint {
  const match = /^(-?\d{1,12})(?:\.(\d{0,9})\d*)?$/.exec(text);
  if (match !== null) {
    const seconds = BigInt(match[1] ?? '0') * 1_000_000_000n;
    const fraction = BigInt((match[2] ?? '').padEnd(9, '0'));
    return text.startsWith('-') ? seconds - fraction : seconds + fraction;
  }
  const parsed = parseRfc3339(text);
  if (parsed === undefined) {
    throw new GantryError(
      'invalid',
      `invalid time ${JSON.stringify(text)}: expected seconds since the epoch or RFC 3339`,
    );
  }
  return parsed;
}
