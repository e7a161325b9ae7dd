import { rawJson } from '../base/index.ts';

const mostUnsigned = 2n ** 64n - 1n;

/**
 * JSON in which numbers stand in full, as Go's clients read them into unsigned integers of 64 bits: JavaScript rounds the
 * digits of large ones. 2^64 stands for the largest of these, which has no number of its own.
 */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'number' || member <= Number.MAX_SAFE_INTEGER) return member;
    const exact = BigInt(member);
    return rawJson(String(exact > mostUnsigned ? mostUnsigned : exact));
  });
}
