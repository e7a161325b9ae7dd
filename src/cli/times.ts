/** Points in time as users type and read them. */
import { humanDuration, parseGoDuration, parseRfc3339 } from '../base/index.ts';

function asSeconds(timeNs: bigint): string {
  const second = 1_000_000_000n;
  const fraction = ((timeNs % second) + second) % second;
  return `${(timeNs - fraction) / second}.${fraction.toString().padStart(9, '0')}`;
}

const localForms: readonly RegExp[] = [
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?$/,
  /^\d{4}-\d\d-\d\dT\d\d:\d\d$/,
  /^\d{4}-\d\d-\d\d$/,
];

function localTime(text: string): bigint | undefined {
  if (!localForms.some((form) => form.test(text))) return undefined;
  const [stem = '', fraction = ''] = text.split('.');
  // A day alone is midnight where the user is, not in UTC as JavaScript reads it.
  const ms = Date.parse(stem.includes('T') ? stem : `${stem}T00:00:00`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/**
 * What --since and --until mean: seconds since the epoch, RFC 3339 (in local time without a zone), or a duration before now.
 * The result is seconds with nine decimals, as the API takes it; empty stays empty. Throws an Error for anything else.
 */
export function timestampQuery(text: string, nowMs: number): string {
  if (text === '' || /^\d+(?:\.\d+)?$/.test(text)) return text;
  const absolute = parseRfc3339(text) ?? localTime(text);
  if (absolute !== undefined) return asSeconds(absolute);
  try {
    return asSeconds(BigInt(nowMs) * 1_000_000n - parseGoDuration(text));
  } catch (cause) {
    throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`, { cause });
  }
}

/** `5 minutes ago`, from seconds since the epoch. */
export function ago(atSeconds: number, nowMs: number): string {
  return `${humanDuration(nowMs / 1000 - atSeconds)} ago`;
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const hours = String(Math.trunc(size / 60)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${hours}${String(size % 60).padStart(2, '0')}`;
}

function localParts(atMs: number): { day: string; clock: string; minutes: number } {
  const at = new Date(atMs);
  const minutes = -at.getTimezoneOffset();
  const shifted = new Date(atMs + minutes * 60_000).toISOString();
  return { day: shifted.slice(0, 10), clock: shifted.slice(11, 19), minutes };
}

/** `2026-01-02 03:04:05 +0000 UTC`, in local time. */
export function longTime(atSeconds: number): string {
  const { day, clock, minutes } = localParts(atSeconds * 1000);
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(atSeconds * 1000)
    .find((part) => part.type === 'timeZoneName')?.value;
  return `${day} ${clock} ${offsetText(minutes)} ${minutes === 0 ? 'UTC' : (zone ?? '')}`.trimEnd();
}

/** `2026-01-02T03:04:05+01:00`, in local time. */
export function isoTime(atSeconds: number): string {
  const { day, clock, minutes } = localParts(atSeconds * 1000);
  const offset = offsetText(minutes);
  return `${day}T${clock}${minutes === 0 ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(3)}`}`;
}

/** `Fri May 30 12:07:14 2025`; the text itself when it is no time. */
export function buildTime(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const [weekday = '', day = '', month = '', year = '', clock = ''] = at.toUTCString().split(/[ ,]+/);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
