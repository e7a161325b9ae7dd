import { GantryError } from './errors.ts';

const minuteSeconds = 60;
const hourSeconds = 3600;

/**
 * A length of time in the words that Docker's listings use: `Less than a second`, `5 minutes`, `About an hour`, `3 weeks`.
 * Fractions of seconds and minutes are cut off, hours are rounded, as scripts that match on them expect.
 */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < minuteSeconds) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / minuteSeconds);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  return humanHours(seconds / hourSeconds);
}

function humanHours(exactHours: number): string {
  const hours = Math.trunc(exactHours + 0.5);
  const days = Math.trunc(hours / 24);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${days} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(days / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(Math.trunc(exactHours) / 24 / 365)} years`;
}

const unitNs: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const largestNs = 2n ** 63n - 1n;

/**
 * Nanoseconds of a duration written as Go writes it: `1h30m`, `-1.5s`, `250ms`. Throws `invalid` with Go's texts, as what the
 * user typed reaches dockerd's users so too.
 */
export function parseGoDuration(text: string): bigint {
  const invalid = (): GantryError => new GantryError('invalid', `time: invalid duration ${JSON.stringify(text)}`);
  const negative = text.startsWith('-');
  const body = /^[-+]/.test(text) ? text.slice(1) : text;
  if (body === '0') return 0n;
  if (body === '') throw invalid();
  let totalNs = 0n;
  let rest = body;
  while (rest !== '') {
    const match = /^(\d*)(?:\.(\d*))?/.exec(rest);
    const whole = match?.[1] ?? '';
    const fraction = match?.[2] ?? '';
    if (whole === '' && fraction === '') throw invalid();
    rest = rest.slice(match?.[0].length ?? 0);
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? '';
    if (unit === '') throw new GantryError('invalid', `time: missing unit in duration ${JSON.stringify(text)}`);
    const scale = Object.hasOwn(unitNs, unit) ? unitNs[unit] : undefined;
    if (scale === undefined) {
      throw new GantryError(
        'invalid',
        `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`,
      );
    }
    // Go keeps about as many digits of the fraction as an int64 holds; the rest is below a nanosecond anyway.
    const digits = fraction.slice(0, 18);
    totalNs +=
      BigInt(whole.slice(0, 30) || '0') * scale + (BigInt(digits || '0') * scale) / 10n ** BigInt(digits.length);
    if (whole.length > 30 || totalNs > largestNs) throw invalid();
    rest = rest.slice(unit.length);
  }
  return negative ? -totalNs : totalNs;
}

const nsPerSecond = 1_000_000_000n;

/** A duration as Go writes it, from nanoseconds of at least 0: `1h0m0s`, `1.5s`, `250ms`, `0s`. */
export function formatGoDuration(durationNs: bigint): string {
  if (durationNs === 0n) return '0s';
  if (durationNs < nsPerSecond) {
    const unit = durationNs < 1_000n ? 'ns' : durationNs < 1_000_000n ? 'µs' : 'ms';
    return `${decimal(durationNs, unitNs[unit] ?? 1n)}${unit}`;
  }
  const minutes = durationNs / (60n * nsPerSecond);
  const seconds = `${decimal(durationNs % (60n * nsPerSecond), nsPerSecond)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value` in units of `scale`, a power of ten, with as many decimals as it takes. */
function decimal(value: bigint, scale: bigint): string {
  const digits = String(scale).length - 1;
  if (digits === 0) return String(value);
  const fraction = String(value % scale)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${value / scale}` : `${value / scale}.${fraction}`;
}
