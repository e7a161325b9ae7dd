import { GantryError } from './errors.ts';

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A number as Go's and C's `%.{precision}g` prints it. */
export function formatShortest(value: number, precision: number): string {
  const digits = Math.max(precision, 1);
  const [mantissa = '0', exponentText = '0'] = value.toExponential(digits - 1).split('e');
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < digits) return trim(value.toFixed(Math.max(digits - 1 - exponent, 0)));
  const size = Math.abs(exponent);
  return `${trim(mantissa)}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

function inUnits(bytes: number, base: number, units: readonly string[], precision: number): string {
  let value = bytes;
  let index = 0;
  while (value >= base && index < units.length - 1) {
    value /= base;
    index++;
  }
  return `${formatShortest(value, precision)}${units[index] ?? ''}`;
}

/** Bytes in decimal units as Docker prints sizes of images and layers: `7.8MB`, `1.024kB`. */
export function humanSize(bytes: number, precision = 4): string {
  return inUnits(bytes, 1000, decimalUnits, precision);
}

/** Bytes in binary units as Docker prints memory: `1.5GiB`. */
export function humanBinarySize(bytes: number, precision = 4): string {
  return inUnits(bytes, 1024, binaryUnits, precision);
}

function parseIn(base: number, text: string): number {
  const match = /^(-?[\d.]*[\d.]) ?([^\d. ]*)$/.exec(text);
  const value = match?.[1] === undefined ? Number.NaN : Number(match[1]);
  if (!Number.isFinite(value) || value < 0) throw new GantryError('invalid', `invalid size: '${text}'`);
  const suffix = (match?.[2] ?? '').toLowerCase();
  if (suffix === '' || suffix === 'b') return Math.trunc(value);
  const power = 'kmgtp'.indexOf(suffix.charAt(0));
  if (power < 0 || !/^.(?:i?b)?$/.test(suffix)) throw new GantryError('invalid', `invalid suffix: '${suffix}'`);
  return Math.trunc(value * base ** (power + 1));
}

/** Bytes of a size with binary suffixes, as options for memory take them: `512m`, `1.5GiB`, `64KB` (1024 each). */
export function parseBytes(text: string): number {
  return parseIn(1024, text);
}

/** Bytes of a size with decimal suffixes, `10kB` being 10,000. */
export function parseDecimalBytes(text: string): number {
  return parseIn(1000, text);
}
