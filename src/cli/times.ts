/** Points in time as users type and read them. */
import { humanDuration, parseGoDuration } from '../base/index.ts';
import { parseGoTime } from './goTime.ts';

const secondNs = 1_000_000_000n;

function floorSeconds(timeNs: bigint): bigint {
  return (timeNs - (((timeNs % secondNs) + secondNs) % secondNs)) / secondNs;
}

function asSeconds(timeNs: bigint): string {
  const seconds = floorSeconds(timeNs);
  return `${seconds}.${(timeNs - seconds * secondNs).toString().padStart(9, '0')}`;
}

/** The layout of a time as it was typed: by its parts, as Docker's clients guess it. */
function layoutOf(text: string): string {
  const dashes = text.split('-').length - 1;
  const colons = text.split(':').length - 1;
  const isZoned = /[zZ+]/.test(text) || dashes === 3;
  const zone = isZoned ? 'Z07:00' : '';
  if (text.includes('.')) return `2006-01-02T15:04:05.999999999${zone}`;
  if (!text.includes('T')) return `2006-01-02${zone}`;
  const zoneColons = isZoned && !/[zZ]/.test(text) && colons > 0 ? 1 : 0;
  const clock = ['15', '15:04'][colons - zoneColons] ?? '15:04:05';
  return `2006-01-02T${clock}${zone}`;
}

function durationOf(text: string): bigint | undefined {
  if (text === '0') return undefined;
  try {
    return parseGoDuration(text);
  } catch {
    return undefined;
  }
}

/**
 * What --since and --until mean: a duration before now, a time (in today's local time without a zone; see `layoutOf` for its
 * forms), or seconds since the epoch. The result is as the API takes it: seconds, with nine decimals for a time; empty stays
 * empty. Throws an Error with Docker's text for anything else.
 */
export function timestampQuery(text: string, nowMs: number): string {
  if (text === '') return text;
  const durationNs = durationOf(text);
  if (durationNs !== undefined) return String(floorSeconds(BigInt(nowMs) * 1_000_000n - durationNs));
  try {
    return asSeconds(parseGoTime(layoutOf(text), text, -new Date(nowMs).getTimezoneOffset()));
  } catch (cause) {
    if (text.includes('-')) throw cause;
    if (/^\d+(?:\.\d+)?$/.test(text)) return text;
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
