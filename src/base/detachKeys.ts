import { GantryError } from './errors.ts';

/** ctrl-p ctrl-q. */
export const defaultDetachKeys: Uint8Array = Uint8Array.of(16, 17);

function keyByte(key: string): number | undefined {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 64;
  return key.length === 1 && key.charCodeAt(0) < 128 ? key.charCodeAt(0) : undefined;
}

/**
 * The bytes of a key sequence such as `ctrl-p,ctrl-q` or `a,ctrl-]`. An empty or absent text means the default.
 * Throws `invalid` with Docker's text, in which `what` stands.
 */
export function parseDetachKeys(text: string | undefined, what = 'detach keys'): Uint8Array {
  if (text === undefined || text === '') return defaultDetachKeys;
  return Uint8Array.from(text.split(','), (key) => {
    const byte = keyByte(key);
    if (byte === undefined) throw new GantryError('invalid', `Invalid ${what} (${text}) provided`);
    return byte;
  });
}

export interface FilteredInput {
  /** What to pass on. */
  readonly data: Uint8Array;
  /** The sequence is complete; what followed it in the chunk is dropped. */
  readonly detached: boolean;
}

/**
 * Watches a terminal's input for the detach sequence, which may be spread over chunks. Bytes that may be its beginning are held
 * back until the next byte decides; they are passed on when it was not.
 */
export class DetachFilter {
  readonly #keys: Uint8Array;
  /** For each count of matched keys, the count that still matches when the next byte does not. */
  readonly #fallback: number[];
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
    this.#fallback = [0, 0];
    for (let length = 2; length <= keys.length; length++) {
      let shorter = this.#fallback[length - 1] ?? 0;
      while (shorter > 0 && keys[shorter] !== keys[length - 1]) shorter = this.#fallback[shorter] ?? 0;
      this.#fallback.push(keys[shorter] === keys[length - 1] ? shorter + 1 : 0);
    }
  }

  push(chunk: Uint8Array): FilteredInput {
    const passed: number[] = [];
    for (const byte of chunk) {
      this.#step(byte, passed);
      if (this.#matched === this.#keys.length) return { data: Uint8Array.from(passed), detached: true };
    }
    return { data: Uint8Array.from(passed), detached: false };
  }

  #step(byte: number, passed: number[]): void {
    while (this.#matched > 0 && this.#keys[this.#matched] !== byte) {
      const shorter = this.#fallback[this.#matched] ?? 0;
      passed.push(...this.#keys.subarray(0, this.#matched - shorter));
      this.#matched = shorter;
    }
    if (this.#keys[this.#matched] === byte) this.#matched++;
    else passed.push(byte);
  }
}
