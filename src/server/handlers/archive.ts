import type { archiveRoutes } from '../../api/index.ts';
import { formatFixedNano, GantryError } from '../../base/index.ts';
import type { ArchiveBackend, PathStat } from '../backends.ts';
import { booleanOf } from '../query.ts';
import type { AnswerStream, ApiRequest, Handler, Reply, ReplyHeaders } from '../reply.ts';

type ArchiveRouteName = (typeof archiveRoutes)[number]['name'];

/** The routes of /containers/{id}/archive: files of a container, one way and the other. */
export function archiveHandlers(backend: ArchiveBackend): Record<ArchiveRouteName, Handler> {
  return {
    archiveStat: async ({ target, query }) => ({
      kind: 'empty',
      status: 200,
      headers: statHeader(await backend.stat(target, query.get('path') ?? '')),
    }),
    archiveGet: (request) => get(backend, request),
    archivePut: (request) => put(backend, request),
  };
}

/** Base64 of JSON (Engine API, "ContainerArchiveInfo"). */
function statHeader({ name, sizeBytes, mode, mtimeNs, linkTarget }: PathStat): ReplyHeaders {
  const stat = { name, size: sizeBytes, mode, mtime: shortTime(mtimeNs), linkTarget };
  return { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };
}

/** The years from 0 to 9999, which RFC 3339 can tell. A container can give its files any other. */
const [earliestNs, latestNs] = [-62_167_219_200n * 1_000_000_000n, 253_402_300_800n * 1_000_000_000n - 1n];

/** RFC 3339 without zeros at the end of the fraction, as Go writes it. */
function shortTime(timeNs: bigint): string {
  const shown = timeNs < earliestNs ? earliestNs : timeNs > latestNs ? latestNs : timeNs;
  return formatFixedNano(shown).replace(/\.?0+Z$/, 'Z');
}

async function get(backend: ArchiveBackend, request: ApiRequest): Promise<Reply> {
  const { target, query, signal } = request;
  const { stat, content } = await backend.get(target, query.get('path') ?? '');
  return {
    kind: 'stream',
    contentType: 'application/x-tar',
    headers: statHeader(stat),
    run: (stream) => sendArchive(content, stream, signal),
  };
}

/** Sends an archive no faster than the client takes it; the client's end ends it. */
export async function sendArchive(
  content: { readonly chunks: AsyncIterable<Uint8Array>; close(): void },
  stream: AnswerStream,
  signal: AbortSignal,
): Promise<void> {
  const close = (): void => content.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    if (signal.aborted) return;
    for await (const chunk of content.chunks) {
      await stream.send(chunk);
      if (signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

async function put(backend: ArchiveBackend, request: ApiRequest): Promise<Reply> {
  const { target, query, signal } = request;
  try {
    await backend.put(target, {
      path: query.get('path') ?? '',
      chunks: request.streamBody(),
      noOverwriteDirNonDir: booleanOf(query, 'noOverwriteDirNonDir'),
      copyUidGid: booleanOf(query, 'copyUIDGID'),
    });
  } catch (error) {
    if (signal.aborted) throw new GantryError('cancelled', 'the client has gone', { cause: error });
    throw error;
  }
  return { kind: 'empty', status: 200 };
}
