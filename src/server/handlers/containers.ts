import type { containerRoutes } from '../../api/index.ts';
import { GantryError, messageOf } from '../../base/index.ts';
import type { ContainerBackend } from '../backends.ts';
import { announcesBody } from '../body.ts';
import { decodeContainerCreate, decodeContainerUpdate } from '../decode.ts';
import { booleanOf, filtersOf, integerOf, terminalSizeOf, textOf } from '../query.ts';
import { type ApiRequest, created, type Handler, noContent, ok, type Reply } from '../reply.ts';
import {
  shapeContainerInspect,
  shapeContainerSummary,
  shapeCreateRequest,
  shapeUpdateRequest,
  sinceVersion,
  waitAnswersAtOnce,
  waitCondition,
} from '../versions.ts';
import { sendArchive } from './archive.ts';
import { attachHandler, attachWebSocketHandler } from './attach.ts';
import { refuseCheckpoint } from './checkpoints.ts';
import { commitHandler } from './commit.ts';
import { logsHandler } from './logs.ts';
import { statsHandler } from './stats.ts';

type ContainerRouteName = (typeof containerRoutes)[number]['name'];

/** One handler per route of /containers. */
export function containerHandlers(backend: ContainerBackend): Record<ContainerRouteName, Handler> {
  return {
    containerCreate: (request) => create(backend, request),
    containerList: (request) => list(backend, request),
    containerPrune: async ({ query }) => ok(await backend.prune(filtersOf(query))),
    containerInspect: async ({ target, query, version }) =>
      ok(shapeContainerInspect(version, await backend.inspect(target, { size: booleanOf(query, 'size') }))),
    containerStart: (request) => start(backend, request),
    containerStop: (request) => done(backend.stop(request.target, stopOptions(request))),
    containerRestart: (request) => done(backend.restart(request.target, stopOptions(request))),
    containerKill: ({ target, query }) => done(backend.kill(target, textOf(query, 'signal'))),
    containerWait: (request) => wait(backend, request),
    containerLogs: logsHandler(backend),
    containerAttach: attachHandler(backend),
    containerAttachWebsocket: attachWebSocketHandler(backend),
    containerRename: ({ target, query }) => done(backend.rename(target, query.get('name') ?? '')),
    containerPause: ({ target }) => done(backend.pause(target)),
    containerUnpause: ({ target }) => done(backend.unpause(target)),
    containerTop: async ({ target, query }) => ok(await backend.top(target, textOf(query, 'ps_args'))),
    containerChanges: async ({ target }) => ok(await backend.changes(target)),
    containerExport: (request) => exportFiles(backend, request),
    containerCommit: commitHandler(backend),
    checkpointCreate: refuseCheckpoint,
    checkpointList: refuseCheckpoint,
    checkpointDelete: refuseCheckpoint,
    containerStats: statsHandler(backend),
    containerUpdate: (request) => update(backend, request),
    containerResize: async ({ target, query }) => {
      await backend.resize(target, terminalSizeOf(query));
      return { kind: 'empty', status: 200 };
    },
    containerDelete: ({ target, query }) =>
      done(
        backend.remove(target, {
          force: booleanOf(query, 'force'),
          volumes: booleanOf(query, 'v'),
          link: booleanOf(query, 'link'),
        }),
      ),
  };
}

async function done(work: Promise<void>): Promise<Reply> {
  await work;
  return noContent;
}

async function create(backend: ContainerBackend, request: ApiRequest): Promise<Reply> {
  const { query, version } = request;
  const text = await request.jsonBody();
  const decoded = text === undefined ? {} : decodeContainerCreate(text);
  if (Object.keys(decoded).length === 0) {
    throw new GantryError('invalid', 'config cannot be empty in order to create a container');
  }
  const name = textOf(query, 'name');
  const platform = sinceVersion(version, 41, textOf(query, 'platform'));
  return created(await backend.create({ name, platform, body: shapeCreateRequest(version, decoded) }));
}

async function update(backend: ContainerBackend, request: ApiRequest): Promise<Reply> {
  const text = await request.jsonBody();
  if (text === undefined) throw new GantryError('invalid', 'invalid JSON: got EOF while reading request body');
  const body = shapeUpdateRequest(request.version, decodeContainerUpdate(text));
  return ok(await backend.update(request.target, body));
}

async function exportFiles(backend: ContainerBackend, { target, signal }: ApiRequest): Promise<Reply> {
  const content = await backend.export(target);
  return {
    kind: 'stream',
    contentType: 'application/octet-stream',
    run: (stream) => sendArchive(content, stream, signal),
  };
}

async function list(backend: ContainerBackend, { query, version }: ApiRequest): Promise<Reply> {
  const limit = integerOf(query, 'limit') ?? 0;
  const summaries = await backend.list({
    all: booleanOf(query, 'all'),
    // Clients send -1 and 0 for "no limit".
    limit: limit > 0 ? limit : undefined,
    size: booleanOf(query, 'size'),
    filters: filtersOf(query),
  });
  return ok(summaries.map((summary) => shapeContainerSummary(version, summary)));
}

async function start(backend: ContainerBackend, { target, headers }: ApiRequest): Promise<Reply> {
  // Clients of old sent the host configuration here; `{}` and `null` with line ends are let pass.
  const lengthBytes = Number(headers['content-length'] ?? 0);
  if (announcesBody(headers) && !(lengthBytes <= 7 && headers['transfer-encoding'] === undefined)) {
    throw new GantryError(
      'invalid',
      'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
    );
  }
  return done(backend.start(target));
}

function stopOptions({ query, version }: ApiRequest): {
  timeoutSeconds: number | undefined;
  signal: string | undefined;
} {
  return { timeoutSeconds: integerOf(query, 't'), signal: sinceVersion(version, 42, textOf(query, 'signal')) };
}

async function wait(backend: ContainerBackend, { target, query, version, signal }: ApiRequest): Promise<Reply> {
  const condition = waitCondition(version, textOf(query, 'condition'));
  const { exit } = await backend.wait(target, condition, signal);
  return {
    kind: 'stream',
    contentType: 'application/json',
    run: async (stream) => {
      if (waitAnswersAtOnce(version)) stream.start();
      const answer = await Promise.race([exit, whenAborted(signal)]).catch((error: unknown) => {
        if (!stream.started) throw error;
        return { StatusCode: -1, Error: { Message: messageOf(error) } };
      });
      await stream.write(`${JSON.stringify(answer)}\n`);
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new GantryError('cancelled', 'context canceled'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
