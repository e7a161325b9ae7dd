/**
 * Unpacks an archive below a directory of a container, as Docker's archive endpoint does, while the container may change
 * what is there: every step is relative to an open directory, and links lead where they would lead inside the container.
 */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync } from 'node:fs';
import { posix } from 'node:path';

import {
  bytesOf,
  GantryError,
  hasCode,
  shownName,
  type ByteString,
  type TarEntry,
  type TarReader,
  writeData,
} from '../base/index.ts';
import {
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  openAt,
  openBelow,
  openPathOnly,
  setModeOf,
  setOwnerOf,
  setTimesOf,
  setTimesOfPath,
  setXattrOf,
  statOf,
} from '../linux/index.ts';
import { isOnKernelFileSystem } from './archiveTree.ts';
import { entryErrors } from './entryErrors.ts';
import { removeAt } from './removeAt.ts';

export interface ExtractOptions {
  /** A directory is never replaced by something else, nor the other way round. */
  readonly keepsKinds: boolean;
  /** Who owns what is made; by default whom the archive names. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** Errors that an entry's name, kind or number can cause; all others are the machine's. */
const refusals = [...entryErrors, 'EXDEV', 'EBUSY', 'EPERM', 'EACCES', 'ETXTBSY', 'ENOTEMPTY'];

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
const modeBits = 0o7777;
const specialBits = 0o7000;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;
/** Most directories whose times are set at the end; further ones keep the time at which they were made. */
const datedDirectoryLimit = 1_000_000;

/** Unpacks all entries of `reader` below `destination`, an absolute path inside the root. Throws `invalid`, `forbidden`. */
export async function extractTree(
  rootFd: number,
  destination: ByteString,
  reader: TarReader,
  options: ExtractOptions,
): Promise<void> {
  const extractor = new TreeExtractor(rootFd, destination, options);
  try {
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
      await extractor.extract(entry, reader);
    extractor.finish();
  } finally {
    extractor.close();
  }
}

class TreeExtractor {
  readonly #rootFd: number;
  readonly #destination: ByteString;
  readonly #options: ExtractOptions;
  /** Directories to date at the end, by their path. */
  readonly #dated = new Map<ByteString, bigint>();
  /** The directory that the last entry was made in: the next one's is mostly the same. */
  #last: { readonly path: ByteString; readonly fd: number } | undefined;

  constructor(rootFd: number, destination: ByteString, options: ExtractOptions) {
    this.#rootFd = rootFd;
    this.#destination = destination;
    this.#options = options;
  }

  async extract(entry: TarEntry, reader: TarReader): Promise<void> {
    verifyNumbers(entry);
    const path = posix
      .normalize(entry.path === '' ? '.' : entry.path)
      .replace(/^\/+/, '')
      .replace(/\/+$/, '');
    if (path === '..' || path.startsWith('../'))
      throw refusal(`${shownName(entry.path)} is outside of ${shownName(this.#destination)}`);
    try {
      await this.#extractAt(path, entry, reader);
    } catch (error) {
      const code = refusals.find((each) => hasCode(error, each));
      if (code === undefined) throw error;
      throw new GantryError('invalid', `cannot extract ${shownName(entry.path)}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Sets the times that making things in directories has changed. */
  finish(): void {
    for (const [path, timeNs] of this.#dated) {
      try {
        const fd = openBelow(this.#rootFd, bytesOf(path), directoryFlags | constants.O_NOFOLLOW);
        try {
          setTimesOf(fd, timeNs, timeNs);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        // Removed, or replaced by a later entry.
        if (!['ENOENT', 'ENOTDIR', 'ELOOP'].some((code) => hasCode(error, code))) throw error;
      }
    }
  }

  close(): void {
    if (this.#last !== undefined) closeSync(this.#last.fd);
    this.#last = undefined;
  }

  async #extractAt(path: ByteString, entry: TarEntry, reader: TarReader): Promise<void> {
    // The destination itself stays as it is.
    if (path === '.' || path === '') return;
    const full = posix.join(this.#destination, path);
    const dirFd = this.#directory(posix.dirname(full));
    const name = bytesOf(posix.basename(full));
    if (entry.type === 'file') return await this.#makeFile(dirFd, name, full, entry, reader);
    const isThere = this.#makeRoom(dirFd, name, full, entry);
    if (entry.type === 'directory') this.#makeDirectory(dirFd, name, full, entry, isThere);
    else if (entry.type === 'hardlink') this.#makeHardLink(dirFd, name, entry);
    else this.#makeOther(dirFd, name, path, entry);
  }

  /** The open directory of `path`, made with those above it where it is missing. */
  #directory(path: ByteString): number {
    if (this.#last?.path === path) return this.#last.fd;
    this.close();
    const fd = this.#openDirectory(path);
    this.#last = { path, fd };
    refuseKernelFileSystem(fd, path);
    return fd;
  }

  #openDirectory(path: ByteString): number {
    try {
      return openBelow(this.#rootFd, bytesOf(path), openPathOnly | constants.O_DIRECTORY);
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || path === '/') throw error;
    }
    const parent = this.#openDirectory(posix.dirname(path));
    try {
      const name = bytesOf(posix.basename(path));
      refuseKernelFileSystem(parent, path);
      makeDirectoryAt(parent, name, 0o755);
      return openAt(parent, name, openPathOnly | constants.O_DIRECTORY);
    } finally {
      closeSync(parent);
    }
  }

  /** Removes what is in an entry's place, unless both are directories; says whether the directory is there. */
  #makeRoom(dirFd: number, name: Buffer, full: ByteString, entry: TarEntry): boolean {
    const isDirectory = kindAt(dirFd, name);
    if (isDirectory === undefined) return false;
    const wantsDirectory = entry.type === 'directory';
    if (isDirectory && wantsDirectory) return true;
    if (this.#options.keepsKinds && isDirectory !== wantsDirectory) {
      const [was, becomes] = isDirectory ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      const place = shownName(this.#destination);
      throw refusal(`cannot overwrite ${was} ${shownName(full)} with ${becomes} ${place}`);
    }
    removeAt(dirFd, name);
    return false;
  }

  #makeDirectory(dirFd: number, name: Buffer, full: ByteString, entry: TarEntry, isThere: boolean): void {
    if (!isThere) makeDirectoryAt(dirFd, name, 0o700);
    const fd = openAt(dirFd, name, directoryFlags);
    try {
      this.#describe(fd, entry);
    } finally {
      closeSync(fd);
    }
    if (this.#dated.size < datedDirectoryLimit) this.#dated.set(full, entry.mtimeNs);
  }

  async #makeFile(dirFd: number, name: Buffer, full: ByteString, entry: TarEntry, reader: TarReader): Promise<void> {
    const isPlain = this.#isPlain(entry);
    const fd = this.#newFile(dirFd, name, full, entry, isPlain ? entry.mode : 0o600);
    try {
      await writeData(fd, entry, reader);
      if (!isPlain || !isAsMeant(fd, entry)) this.#describe(fd, entry);
      setTimesOf(fd, entry.atimeNs ?? entry.mtimeNs, entry.mtimeNs);
    } finally {
      closeSync(fd);
    }
  }

  /** Most often there is nothing in its place: that is looked at only when the file cannot be made. */
  #newFile(dirFd: number, name: Buffer, full: ByteString, entry: TarEntry, mode: number): number {
    try {
      return openAt(dirFd, name, newFile, mode);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    this.#makeRoom(dirFd, name, full, entry);
    return openAt(dirFd, name, newFile, mode);
  }

  /** Whether a file is made as it is to be, so that each change of it, which the file system writes down, is saved. */
  #isPlain({ uid, gid, mode, xattrs }: TarEntry): boolean {
    const owner = this.#options.owner ?? { uid, gid };
    return owner.uid === 0 && owner.gid === 0 && (mode & specialBits) === 0 && xattrs.size === 0;
  }

  /** Owner first: a change of it clears what the mode and the attributes say. */
  #describe(fd: number, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    fchownSync(fd, uid, gid);
    setXattrs(fd, entry);
    fchmodSync(fd, entry.mode);
  }

  #makeHardLink(dirFd: number, name: Buffer, { path, linkPath }: TarEntry): void {
    const target = posix.join(this.#destination, linkPath);
    if (!isWithin(target, this.#destination))
      throw refusal(`invalid hardlink ${shownName(path)} -> ${shownName(linkPath)}`);
    const targetDirFd = openBelow(this.#rootFd, bytesOf(posix.dirname(target)), openPathOnly | constants.O_DIRECTORY);
    try {
      refuseKernelFileSystem(targetDirFd, target);
      linkAt(targetDirFd, bytesOf(posix.basename(target)), dirFd, name);
    } finally {
      closeSync(targetDirFd);
    }
  }

  #makeOther(dirFd: number, name: Buffer, path: ByteString, entry: TarEntry): void {
    const { type, linkPath } = entry;
    if (type === 'symlink') {
      const target = posix.join(posix.dirname(posix.join(this.#destination, path)), linkPath);
      if (!linkPath.startsWith('/') && !isWithin(target, this.#destination))
        throw refusal(`invalid symlink ${shownName(entry.path)} -> ${shownName(linkPath)}`);
      makeSymlinkAt(bytesOf(linkPath), dirFd, name);
    } else if (type === 'fifo' || type === 'characterDevice' || type === 'blockDevice')
      makeNodeAt(dirFd, name, type, 0o600, entry.deviceMajor, entry.deviceMinor);
    this.#describeOther(dirFd, name, entry);
  }

  /** What has taken the new file's place meanwhile is left alone. */
  #describeOther(dirFd: number, name: Buffer, entry: TarEntry): void {
    const fd = openAt(dirFd, name, openPathOnly);
    try {
      const stat = statOf(fd);
      const isSymlink = stat.isSymbolicLink();
      if (isSymlink !== (entry.type === 'symlink') || stat.isFile() || stat.isDirectory()) return;
      const { uid, gid } = this.#options.owner ?? entry;
      setOwnerOf(fd, uid, gid);
      if (!isSymlink) setModeOf(fd, entry.mode);
      setTimesOfPath(fd, entry.mtimeNs, entry.mtimeNs);
    } finally {
      closeSync(fd);
    }
  }
}

/** Whether a new file belongs to root and has its mode: its directory or the umask may have a say in them. */
function isAsMeant(fd: number, { mode }: TarEntry): boolean {
  const stat = fstatSync(fd);
  return stat.uid === 0 && stat.gid === 0 && (stat.mode & modeBits) === mode;
}

/** Whether there is a directory, something else (false), or nothing. */
function kindAt(dirFd: number, name: Buffer): boolean | undefined {
  let fd: number;
  try {
    fd = openAt(dirFd, name, openPathOnly);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return statOf(fd).isDirectory();
  } finally {
    closeSync(fd);
  }
}

function isWithin(path: ByteString, directory: ByteString): boolean {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  return path === directory || path.startsWith(prefix);
}

/** Attributes that steer overlayfs itself; an archive must not have a say in them. */
const overlayAttribute = /^(trusted|user)\.overlay\./;

/** Docker ignores attributes that the file system has no room for; so do we. */
function setXattrs(fd: number, { xattrs }: TarEntry): void {
  for (const [name, value] of xattrs) {
    if (overlayAttribute.test(name)) continue;
    try {
      setXattrOf(fd, bytesOf(name), value);
    } catch (error) {
      if (!['EOPNOTSUPP', 'ENOTSUP', 'EPERM'].some((code) => hasCode(error, code))) throw error;
    }
  }
}

const idLimit = 2 ** 32 - 1;
const deviceLimit = 2 ** 20;
/** What the kernel's times can be asked for: 64 bits of seconds, less a margin for the arithmetic. */
const timeLimitNs = 2n ** 62n * 1_000_000_000n;

const isId = (id: number): boolean => id >= 0 && id < idLimit;
const isDevice = (part: number): boolean => part >= 0 && part < deviceLimit;
const isTime = (timeNs: bigint): boolean => timeNs > -timeLimitNs && timeNs < timeLimitNs;

function verifyNumbers({ path, uid, gid, deviceMajor, deviceMinor, mtimeNs, atimeNs = 0n }: TarEntry): void {
  if ([uid, gid].every(isId) && [deviceMajor, deviceMinor].every(isDevice) && [mtimeNs, atimeNs].every(isTime)) return;
  throw refusal(`the archive's entry ${shownName(path)} has an owner, a device or a time that cannot be`);
}

function refusal(message: string): GantryError {
  return new GantryError('invalid', message);
}

/** Throws `forbidden` where nothing is to be copied to. */
export function refuseKernelFileSystem(fd: number, path: ByteString): void {
  if (!isOnKernelFileSystem(fd)) return;
  const reason = "it shows the kernel's state and holds no files";
  throw new GantryError('forbidden', `cannot copy to ${shownName(path)}: ${reason}`);
}

function reasonOf(error: unknown): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return `${syscall ?? 'a call'} failed with ${code}`;
}
