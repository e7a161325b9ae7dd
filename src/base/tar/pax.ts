/** Decodes pax extended headers: records of `LENGTH KEY=VALUE\n` (POSIX.1-2017, "pax Extended Header"). */
import { GantryError } from '../errors.ts';
import type { ByteString } from './entry.ts';

export interface PaxRecord {
  readonly key: ByteString;
  readonly value: Buffer;
}

/** All records in order; a key may come more than once. Throws `invalid` for a malformed one. */
export function parsePax(body: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < body.length;) {
    const { record, length } = recordAt(body, at);
    records.push(record);
    at += length;
  }
  return records;
}

function recordAt(body: Buffer, at: number): { record: PaxRecord; length: number } {
  const space = body.indexOf(0x20, at);
  const digits = body.toString('latin1', at, space < 0 ? at : space);
  const length = /^[0-9]{1,9}$/.test(digits) ? Number(digits) : 0;
  const equals = body.indexOf(0x3d, space + 1);
  const end = at + length - 1;
  if (length === 0 || body[end] !== 0x0a || equals < 0 || equals >= end) throw malformed('a record');
  const key = body.toString('latin1', space + 1, equals);
  if (key === '' || key.includes('\0')) throw malformed('a key');
  return { record: { key, value: body.subarray(equals + 1, end) }, length };
}

/** A non-negative decimal number that JavaScript holds exactly. */
export function paxNumber(value: Buffer | string, what: string): number {
  const text = value.toString('latin1');
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformed(what);
  return number;
}

/** Decimal seconds, maybe negative and with a fraction, as nanoseconds; further digits are cut off. */
export function paxTimeNs(value: Buffer): bigint {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value.toString('latin1'));
  if (match === null) throw malformed('a time');
  const [, sign, seconds = '', fraction = ''] = match;
  const magnitude = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -magnitude : magnitude;
}

/** A name: no zero bytes. */
export function paxName(value: Buffer, what: string): ByteString {
  if (value.includes(0)) throw malformed(what);
  return value.toString('latin1');
}

function malformed(what: string): GantryError {
  return new GantryError('invalid', `the archive is damaged: an extended header has ${what} that is malformed`);
}
