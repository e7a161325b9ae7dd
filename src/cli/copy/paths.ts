/**
 * The path rules of `cp`, as Docker has them: a slash or `/.` at the end says that a directory is meant, and survives where
 * paths are made clean. All functions take paths with forward slashes; none looks at a disk.
 */
import { posix } from 'node:path';

/** One side of a copy: a path of a container, or of this machine. */
export interface CopySide {
  readonly container: string | undefined;
  /** As typed; `-` is a stream. */
  readonly path: string;
}

/** Splits `CONTAINER:PATH`. Absolute paths, and those that begin with a dot, are local whatever colons they have. */
export function parseSide(text: string): CopySide {
  const at = text.indexOf(':');
  const isLocal = text.startsWith('/') || text.startsWith('.') || at < 0;
  // An empty name is none.
  return isLocal || at === 0
    ? { container: undefined, path: isLocal ? text : text.slice(1) }
    : { container: text.slice(0, at), path: text.slice(at + 1) };
}

/** Without `.`, `..`, doubled slashes and a slash at the end. */
export function clean(path: string): string {
  return posix.normalize(path).replace(/(.)\/+$/, '$1');
}

/** The last component: `/` of the root, and `.` of what ends with it. */
export function baseName(path: string): string {
  const trimmed = path.replace(/(.)\/+$/, '$1');
  return trimmed === '' ? '.' : trimmed === '/' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

export function endsWithDot(path: string): boolean {
  return baseName(path) === '.' && !path.endsWith('/');
}

/** Whether the path says that it means a directory. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith('/') || endsWithDot(path);
}

/** `cleaned` with the slash or the `/.` that `original` ends with. */
export function keepEnding(cleaned: string, original: string): string {
  if (endsWithDot(original) && !endsWithDot(cleaned)) return `${cleaned.replace(/\/$/, '')}/.`;
  return original.endsWith('/') && !cleaned.endsWith('/') ? `${cleaned}/` : cleaned;
}

/** Directory and last component, which is `.` where the path ends with that. */
export function splitPath(path: string): { readonly directory: string; readonly base: string } {
  const cleaned = clean(path);
  if (endsWithDot(path)) return { directory: cleaned, base: '.' };
  return { directory: posix.dirname(cleaned), base: baseName(cleaned) };
}

/** What a link leads to, with the ending of `path`, and the name under which it is to be archived: the link's own. */
export function renamedTarget(
  path: string,
  target: string,
): { readonly path: string; readonly name: string | undefined } {
  const kept = keepEnding(target, path);
  return { path: kept, name: baseName(path) === baseName(kept) ? undefined : baseName(path) };
}

/** What is known of the two ends of a copy. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
  /** The name of its entries, where it is not the last component of `path`. */
  readonly name: string | undefined;
}

export interface CopyTarget {
  readonly path: string;
  /** Undefined: nothing is there. */
  readonly kind: 'directory' | 'other' | undefined;
}

/** Where to unpack an archive of the source's path, and what to call its first component there. */
export interface Placement {
  readonly directory: string;
  readonly oldName: string;
  readonly newName: string;
}

/** Docker's rules for where a copy goes. Throws what cannot be. */
export function place(source: CopySource, target: CopyTarget): Placement {
  const oldName = splitPath(source.path).base;
  if (target.kind === 'directory') return { directory: target.path, oldName, newName: source.name ?? oldName };
  if (target.kind === 'other' && source.isDirectory) throw new Error('cannot copy directory');
  if (target.kind === undefined && !source.isDirectory && assertsDirectory(target.path))
    throw new Error('no such directory');
  const { directory, base } = splitPath(target.path);
  return { directory, oldName, newName: base };
}
