import { GantryError } from '../base/index.ts';

const prefixPattern = /^[0-9a-f]{1,64}$/;

/**
 * A new id of 64 hex digits. An id whose first twelve digits are all decimal is drawn again: as a host name it would pass for
 * a number.
 */
export function newId(randomBytes: (count: number) => Uint8Array): string {
  for (;;) {
    const id = Buffer.from(randomBytes(32)).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The first twelve digits, as listings show them and as the default host name. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** A set of ids in which a unique prefix is found by binary search. */
export class IdIndex {
  readonly #sorted: string[];

  constructor(ids: Iterable<string> = []) {
    this.#sorted = [...new Set(ids)].sort();
  }

  get size(): number {
    return this.#sorted.length;
  }

  /** Adds an id; one that is there is left as it is. */
  add(id: string): void {
    const at = this.#position(id);
    if (this.#sorted[at] !== id) this.#sorted.splice(at, 0, id);
  }

  /** Forgets an id; an unknown one is no error. */
  delete(id: string): void {
    const at = this.#position(id);
    if (this.#sorted[at] === id) this.#sorted.splice(at, 1);
  }

  /**
   * The id that is `prefix` or is the only one to begin with it; undefined when none does. Throws `invalid` with Docker's text
   * when several do.
   */
  resolve(prefix: string): string | undefined {
    if (!prefixPattern.test(prefix)) return undefined;
    const at = this.#position(prefix);
    const found = this.#sorted[at];
    if (found === undefined || !found.startsWith(prefix)) return undefined;
    if (found !== prefix && this.#sorted[at + 1]?.startsWith(prefix) === true) {
      throw new GantryError('invalid', `multiple IDs found with provided prefix: ${prefix}`);
    }
    return found;
  }

  /** Index of the first id that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The id that `ref` means: a full id, else an exact name (with or without a leading slash), else a unique prefix of an id.
 * Throws `notFound`, or `invalid` when several ids begin so; the texts are Docker's.
 */
export function resolveRef(
  ref: string,
  known: { readonly ids: IdIndex; readonly names: ReadonlyMap<string, string> },
): string {
  const exact = ref.length === 64 && known.ids.resolve(ref) === ref ? ref : undefined;
  const id = exact ?? known.names.get(ref.startsWith('/') ? ref.slice(1) : ref) ?? known.ids.resolve(ref);
  if (id === undefined) throw noSuchContainer(ref);
  return id;
}

/** The refusal of a reference that means no container. */
export function noSuchContainer(ref: string): GantryError {
  return new GantryError('notFound', `No such container: ${ref}`, {
    hint: 'List all containers, stopped ones too, with `gantry ps -a`.',
  });
}
