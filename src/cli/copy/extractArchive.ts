/** Unpacks an archive that a container made into a local directory. Nothing of it leads out of that directory. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { posix } from 'node:path';

import {
  bytesOf,
  shownName,
  TarReader,
  toByteString,
  writeData,
  type ByteString,
  type TarEntry,
} from '../../base/index.ts';
import { ExitError } from '../errors.ts';
import { inWords } from './localFiles.ts';
import type { Placement } from './paths.ts';

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Unpacks `chunks` into `placement`'s directory, with its new name for the old one. What is there already is replaced by
 * what is of its kind; links are made as they are and never followed out; owners are the caller's. `warn` is told what
 * cannot be made here. Throws ExitError.
 */
export async function extractArchive(
  chunks: AsyncIterable<Buffer>,
  placement: Placement,
  warn: (text: string) => void,
): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const reader = new TarReader(async () => {
    const { done, value } = await iterator.next();
    return done === true ? undefined : value;
  });
  const extractor = new LocalExtractor(placement, warn);
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
    await extractor.extract(entry, reader);
  await reader.drain();
  extractor.finish();
}

class LocalExtractor {
  readonly #directory: ByteString;
  readonly #real: ByteString;
  readonly #rename: (path: ByteString) => ByteString;
  readonly #warn: (text: string) => void;
  /** Directories known to lie inside, which no entry can replace by a link any more. */
  readonly #inside = new Set<ByteString>();
  /** Directories to finish when nothing more is made in them. */
  readonly #unfinished = new Map<ByteString, TarEntry>();

  constructor({ directory, oldName, newName }: Placement, warn: (text: string) => void) {
    this.#directory = toByteString(directory);
    this.#real = toByteString(inWords('lstat', directory, () => realpathSync(directory)));
    // Everything in an archive of the root begins with its slash.
    const old = toByteString(oldName === '/' ? '' : oldName);
    this.#rename = oldName === newName ? (path) => path : (path) => path.replace(old, () => toByteString(newName));
    this.#warn = warn;
  }

  async extract(entry: TarEntry, reader: TarReader): Promise<void> {
    const name = posix.normalize(this.#rename(entry.path)).replace(/^\/+/, '').replace(/\/+$/, '');
    if (name === '' || name === '.') return;
    if (name === '..' || name.startsWith('../'))
      throw new ExitError(1, `${shownName(entry.path)} is outside of ${shownName(this.#directory)}`);
    const path = posix.join(this.#directory, name);
    this.#enter(posix.dirname(path));
    if (this.#makeRoom(path, entry)) return this.#directoryAt(path, entry, true);
    if (entry.type === 'directory') this.#directoryAt(path, entry, false);
    else if (entry.type === 'file') await this.#file(path, entry, reader);
    else if (entry.type === 'symlink') this.#symlink(path, entry);
    else if (entry.type === 'hardlink') this.#hardLink(path, entry);
    else this.#warn(`${shown(path)} is a device or a named pipe, and was not copied`);
  }

  finish(): void {
    for (const [path, entry] of [...this.#unfinished].toReversed()) {
      chmodSync(bytesOf(path), entry.mode);
      const seconds = secondsOf(entry);
      utimesSync(bytesOf(path), seconds, seconds);
    }
  }

  /** Makes a directory that is missing, and refuses one that a link has led out of the destination. */
  #enter(path: ByteString): void {
    if (this.#inside.has(path)) return;
    if (path !== this.#directory && lstatSync(bytesOf(path), { throwIfNoEntry: false }) === undefined) {
      this.#enter(posix.dirname(path));
      mkdirSync(bytesOf(path), 0o755);
    }
    const real = toByteString(inWords('lstat', shown(path), () => realpathSync(bytesOf(path), { encoding: 'buffer' })));
    if (!isWithin(real, this.#real))
      throw new ExitError(1, `${shown(path)} is a link that leads out of ${shown(this.#directory)}`);
    this.#inside.add(path);
  }

  /** Removes what is in an entry's place; true when both are directories. Docker never replaces one by something else. */
  #makeRoom(path: ByteString, entry: TarEntry): boolean {
    const stat = lstatSync(bytesOf(path), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const wantsDirectory = entry.type === 'directory';
    if (stat.isDirectory() && wantsDirectory) return true;
    if (stat.isDirectory() || wantsDirectory) {
      const [was, becomes] = wantsDirectory ? ['non-directory', 'directory'] : ['directory', 'non-directory'];
      throw new ExitError(
        1,
        `cannot overwrite ${was} ${shownName(path)} with ${becomes} ${shownName(this.#directory)}`,
      );
    }
    unlinkSync(bytesOf(path));
    return false;
  }

  #directoryAt(path: ByteString, entry: TarEntry, isThere: boolean): void {
    if (!isThere) inWords('mkdir', shown(path), () => mkdirSync(bytesOf(path), 0o700));
    this.#unfinished.set(path, entry);
  }

  async #file(path: ByteString, entry: TarEntry, reader: TarReader): Promise<void> {
    const fd = inWords('open', shown(path), () => openSync(bytesOf(path), newFile, 0o600));
    try {
      await writeData(fd, entry, reader);
      fchmodSync(fd, entry.mode);
      futimesSync(fd, secondsOf(entry), secondsOf(entry));
    } finally {
      closeSync(fd);
    }
  }

  #symlink(path: ByteString, entry: TarEntry): void {
    const { linkPath } = entry;
    if (!linkPath.startsWith('/') && !isWithin(posix.join(posix.dirname(path), linkPath), this.#directory))
      throw new ExitError(1, `invalid symlink ${shownName(path)} -> ${shownName(linkPath)}`);
    inWords('symlink', shown(path), () => symlinkSync(bytesOf(linkPath), bytesOf(path)));
    lutimesSync(bytesOf(path), secondsOf(entry), secondsOf(entry));
  }

  #hardLink(path: ByteString, { linkPath }: TarEntry): void {
    const target = posix.join(this.#directory, this.#rename(linkPath));
    if (!isWithin(target, this.#directory))
      throw new ExitError(1, `invalid hardlink ${shownName(path)} -> ${shownName(linkPath)}`);
    this.#enter(posix.dirname(target));
    inWords('link', shown(path), () => linkSync(bytesOf(target), bytesOf(path)));
  }
}

function isWithin(path: ByteString, directory: ByteString): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function secondsOf({ mtimeNs }: TarEntry): number {
  return Number(mtimeNs) / 1e9;
}

function shown(path: ByteString): string {
  return bytesOf(path).toString('utf8');
}
