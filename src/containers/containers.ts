import { GantryError } from '../base/index.ts';

import { IdIndex, noSuchContainer, resolveRef } from './identity.ts';
import type { ContainerRecord } from './record.ts';
import { checkTransition } from './state.ts';

/** What the table needs of a store: durable records by id. */
export interface ContainerRecords {
  get(id: string): ContainerRecord | undefined;
  values(): Iterable<ContainerRecord>;
  readonly size: number;
  put(id: string, record: ContainerRecord): void;
  /** On the disk only with the next durable change: a crash may take it back. */
  deleteLater(id: string): void;
}

/**
 * All containers of the daemon, by id and by name. Every change is durable when it returns. Names are unique; a name is
 * taken from `add` or `rename` until `delete`.
 */
export class Containers {
  readonly #records: ContainerRecords;
  readonly #index: IdIndex;
  readonly #idByName = new Map<string, string>();

  constructor(records: ContainerRecords) {
    this.#records = records;
    const all = [...records.values()];
    this.#index = new IdIndex(all.map(({ id }) => id));
    for (const { id, name } of all) this.#idByName.set(name, id);
  }

  get size(): number {
    return this.#records.size;
  }

  all(): Iterable<ContainerRecord> {
    return this.#records.values();
  }

  get(id: string): ContainerRecord | undefined {
    return this.#records.get(id);
  }

  isNameTaken(name: string): boolean {
    return this.#idByName.has(name);
  }

  /** The container that `ref` means: full id, name with or without slash, unique id prefix, in this order. */
  find(ref: string): ContainerRecord {
    const id = resolveRef(ref, { ids: this.#index, names: this.#idByName });
    const record = this.#records.get(id);
    if (record === undefined) throw noSuchContainer(ref);
    return record;
  }

  add(record: ContainerRecord): void {
    this.#refuseTaken(record.name);
    this.#records.put(record.id, record);
    this.#index.add(record.id);
    this.#idByName.set(record.name, record.id);
  }

  /**
   * Replaces the record by what `change` makes of the current one; `notFound` when it has gone meanwhile, `internal` when the
   * state machine does not allow it.
   */
  update(id: string, change: (record: ContainerRecord) => ContainerRecord): ContainerRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw noSuchContainer(id);
    const next = change(record);
    checkTransition(record.state.status, next.state.status);
    if (next.name !== record.name) this.#refuseTaken(next.name);
    this.#records.put(id, next);
    if (next.name !== record.name) {
      this.#idByName.set(next.name, id);
      this.#idByName.delete(record.name);
    }
    return next;
  }

  /**
   * Takes a container away whose record says `removing`, and frees its name. That record is what has to be durable: the next
   * start of the daemon finishes such a removal, so the deletion itself waits for another change to go to the disk with.
   */
  delete(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    checkTransition(record.state.status, 'removing');
    this.#records.deleteLater(id);
    this.#index.delete(id);
    this.#idByName.delete(record.name);
  }

  #refuseTaken(name: string): void {
    const holder = this.#idByName.get(name);
    if (holder === undefined) return;
    throw new GantryError(
      'conflict',
      `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
        'You have to remove (or rename) that container to be able to reuse that name.',
      { hint: `Remove it with \`gantry rm ${name}\`, or choose another --name.` },
    );
  }
}
