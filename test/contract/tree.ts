/** A directory tree as a value, for comparing what two programs made. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { getXattr, listXattrs } from '../../src/linux/index.ts';

export interface TreeEntry {
  readonly type: number;
  readonly mode: string;
  readonly owner: string;
  readonly mtimeNs: bigint;
  readonly size: bigint;
  readonly device: bigint;
  readonly content: string;
  readonly xattrs: Readonly<Record<string, string>>;
  /** First of the names, in order, that share the inode. */
  readonly sameAs: string | undefined;
}

/** Everything below `root`, and `root` as `.`; names hold one byte in each character. */
export function readTree(root: string): Record<string, TreeEntry> {
  const inodes = new Map<bigint, string>();
  const tree: Record<string, TreeEntry> = {};
  const visit = (path: Buffer, name: string): void => {
    tree[name] = entryAt(path, name, inodes);
    if (!lstatSync(path).isDirectory()) return;
    const names = readdirSync(path, { encoding: 'buffer' }).toSorted((a, b) => Buffer.compare(a, b));
    for (const child of names)
      visit(Buffer.concat([path, Buffer.from('/'), child]), `${name}/${child.toString('latin1')}`);
  };
  visit(Buffer.from(root), '.');
  return tree;
}

function entryAt(path: Buffer, name: string, inodes: Map<bigint, string>): TreeEntry {
  const stat = lstatSync(path, { bigint: true });
  const first = inodes.get(stat.ino);
  if (first === undefined && !stat.isDirectory()) inodes.set(stat.ino, name);
  return {
    type: Number(stat.mode) & 0o170000,
    mode: (Number(stat.mode) & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    mtimeNs: stat.mtimeNs,
    size: stat.isDirectory() ? 0n : stat.size,
    device: stat.rdev,
    content: contentOf(path, stat.isFile(), stat.isSymbolicLink()),
    xattrs: Object.fromEntries(
      listXattrs(path)
        .toSorted()
        .map((key) => [key, getXattr(path, Buffer.from(key, 'latin1'))?.toString('hex') ?? '']),
    ),
    sameAs: first,
  };
}

function contentOf(path: Buffer, isFile: boolean, isSymlink: boolean): string {
  if (isSymlink) return readlinkSync(path, 'buffer').toString('latin1');
  return isFile ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
}
