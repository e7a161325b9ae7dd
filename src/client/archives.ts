import { GantryError } from '../base/index.ts';
import { pathPart, type Api } from './api.ts';

/** What lies at a path of a container (Engine API, "ContainerArchiveInfo"). */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** As Go's os.FileMode has it. */
  readonly mode: number;
  readonly linkTarget: string;
}

const directoryBit = 2 ** 31;
const symlinkBit = 2 ** 27;
const deviceBit = 2 ** 26;

export function isDirectory({ mode }: PathStat): boolean {
  return hasBit(mode, directoryBit);
}

export function isSymlink({ mode }: PathStat): boolean {
  return hasBit(mode, symlinkBit);
}

export function isDevice({ mode }: PathStat): boolean {
  return hasBit(mode, deviceBit);
}

function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}

export async function statPath(api: Api, ref: string, path: string): Promise<PathStat> {
  const { headers, body } = await api.answer('HEAD', archivePath(ref), { query: { path } });
  for await (const _ of body);
  return statFrom(headers);
}

/** An archive of a path of a container, as it comes, and what lies there. */
export async function getArchive(
  api: Api,
  ref: string,
  path: string,
): Promise<{ readonly stat: PathStat; readonly content: AsyncIterable<Buffer> }> {
  const { headers, body } = await api.answer('GET', archivePath(ref), { query: { path } });
  return { stat: statFrom(headers), content: body };
}

/** Unpacks an archive into a directory of a container; nothing there is replaced by something of another kind. */
export async function putArchive(
  api: Api,
  ref: string,
  path: string,
  archive: AsyncIterable<Uint8Array>,
  { copyUidGid }: { readonly copyUidGid: boolean },
): Promise<void> {
  const query = { path, noOverwriteDirNonDir: 'true', ...(copyUidGid ? { copyUIDGID: 'true' } : {}) };
  await api.run('PUT', archivePath(ref), { query, archive });
}

function archivePath(ref: string): string {
  return `/containers/${pathPart(ref)}/archive`;
}

function statFrom(headers: ReadonlyMap<string, string>): PathStat {
  const text = Buffer.from(headers.get('x-docker-container-path-stat') ?? '', 'base64').toString();
  try {
    return JSON.parse(text) as PathStat;
  } catch (cause) {
    throw new GantryError('internal', 'the daemon did not say what lies at the path', { cause });
  }
}
