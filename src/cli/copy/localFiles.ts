/** The local end of a copy: what lies at a path of this machine. */
import { lstatSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { posix, resolve } from 'node:path';

import { hasCode } from '../../base/index.ts';
import { ExitError } from '../errors.ts';
import { clean, keepEnding, renamedTarget, splitPath, type CopySource, type CopyTarget } from './paths.ts';

const linkLimit = 10;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
};

/** A system error in the words that scripts know. */
export function inWords<T>(call: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = Object.entries(reasons).find(([code]) => hasCode(error, code))?.[1];
    throw reason === undefined ? error : new ExitError(1, `${call} ${path}: ${reason}`, { cause: error });
  }
}

/** An absolute path, with the ending as typed. */
export function localPath(workingDirectory: string, typed: string): string {
  return keepEnding(clean(resolve(workingDirectory, typed)), typed);
}

/** What is to be copied; a link at the end is followed with `followLink`, and where a slash comes after it. */
export function localSource(path: string, followLink: boolean): CopySource {
  const found = followLink ? followed(path) : unfollowed(path);
  const stat = inWords('lstat', found.path, () => lstatSync(found.path));
  return { ...found, isDirectory: stat.isDirectory() };
}

function followed(path: string): { readonly path: string; readonly name: string | undefined } {
  return renamedTarget(path, realPath(path));
}

function unfollowed(path: string): { readonly path: string; readonly name: string | undefined } {
  const at = path.lastIndexOf('/');
  const [directory, base] = [path.slice(0, at) || '/', path.slice(at + 1)];
  const real = realPath(directory);
  const found = `${real === '/' ? '' : real}/${base}`;
  return { path: found, name: path.endsWith('/') ? renamedTarget(path, found).name : undefined };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return inWords('lstat', firstMissing(path), () => realpathSync(path));
  }
}

/** The first component that is not there, for the message. */
function firstMissing(path: string): string {
  const parent = posix.dirname(clean(path));
  return parent === path || statSync(parent, { throwIfNoEntry: false }) !== undefined
    ? clean(path)
    : firstMissing(parent);
}

/** Where a copy goes: links are followed, and what is missing needs a parent. */
export function localTarget(path: string): CopyTarget {
  let target = path;
  let stat = targetStat(target);
  for (let links = 0; stat?.isSymbolicLink() === true; links++) {
    if (links > linkLimit) throw new ExitError(1, `too many symlinks in ${path}`);
    target = posix.resolve(splitPath(target).directory, readlinkSync(clean(target)));
    stat = targetStat(target);
  }
  if (stat !== undefined) return { path: target, kind: stat.isDirectory() ? 'directory' : 'other' };
  const { directory } = splitPath(target);
  const parent = inWords('stat', directory, () => statSync(directory));
  if (!parent.isDirectory()) throw new ExitError(1, 'not a directory');
  return { path: target, kind: undefined };
}

function targetStat(path: string): Stats | undefined {
  return inWords('stat', path, () => lstatSync(path, { throwIfNoEntry: false }));
}

/** Refuses a destination that can never be one. */
export function refuseOutput(path: string): void {
  const directory = posix.dirname(clean(path));
  if (statSync(directory, { throwIfNoEntry: false }) === undefined)
    throw new ExitError(1, `invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  const stat = statSync(clean(path), { throwIfNoEntry: false });
  if (stat?.isCharacterDevice() === true || stat?.isBlockDevice() === true)
    throw new ExitError(
      1,
      `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
    );
}
