import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';

import { hasCode } from '../base/index.ts';

/**
 * A file of the newest lines of something that happens all the time. A line is with the kernel when `append` returns: it
 * outlives the daemon, however that ends; with the host the last ones may go.
 */
export interface LineFile {
  /** The lines that are there, oldest first, at most as many as are kept. */
  read(): string[];
  /** Adds a line; it has no line break in it. Throws the system error, and then the next line begins anew. */
  append(line: string): void;
  close(): void;
}

/** Opens the file `path`, making it when it is not there. `kept` is how many lines are worth keeping. */
export function openLineFile(path: string, kept: number): LineFile {
  return new AppendedLines(path, kept);
}

class AppendedLines implements LineFile {
  readonly #path: string;
  readonly #kept: number;
  #descriptor: number;
  #count: number;
  #isTorn = false;

  constructor(path: string, kept: number) {
    this.#path = path;
    this.#kept = kept;
    const text = textOf(path);
    this.#count = linesOf(text).length;
    // What was cut off in the middle, by a full disk or with the host, is no line.
    this.#isTorn = text !== '' && !text.endsWith('\n');
    this.#descriptor = openSync(path, 'a', 0o600);
    if (this.#isTorn || this.#count > kept) this.#shorten();
  }

  read(): string[] {
    return wholeLines(textOf(this.#path)).slice(-this.#kept);
  }

  append(line: string): void {
    const data = Buffer.from(`${this.#isTorn ? '\n' : ''}${line}\n`);
    // True until it is known to be whole: what throws may have written a part.
    this.#isTorn = true;
    this.#isTorn = writeSync(this.#descriptor, data) < data.length;
    this.#count++;
    if (this.#count >= this.#kept * 2) this.#shorten();
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** A full disk, which may be why it is to be shorter, is no reason to do without the file: it is tried again later. */
  #shorten(): void {
    try {
      this.#cut();
    } catch {
      rmSync(`${this.#path}.next`, { force: true });
      this.#count = Math.min(this.#count, this.#kept);
    }
  }

  /** Leaves the newest lines only, by a new file in the place of the old one. */
  #cut(): void {
    const lines = this.read();
    const next = `${this.#path}.next`;
    writeFileSync(next, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    const descriptor = openSync(next, 'a', 0o600);
    renameSync(next, this.#path);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#count = lines.length;
    this.#isTorn = false;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function wholeLines(text: string): string[] {
  return linesOf(text.slice(0, text.lastIndexOf('\n') + 1));
}
