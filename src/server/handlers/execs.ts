import type { execRoutes } from '../../api/index.ts';
import { GantryError } from '../../base/index.ts';
import type { ExecBackend, StreamSession } from '../backends.ts';
import { decodeExecCreate, decodeExecStart } from '../decode.ts';
import { terminalSizeOf } from '../query.ts';
import { type ApiRequest, created, type Handler, ok, type Reply } from '../reply.ts';
import { shapeExecCreateRequest, shapeExecStartRequest } from '../versions.ts';

type ExecRouteName = (typeof execRoutes)[number]['name'];

/** One handler per route of /exec, and the one that makes them. */
export function execHandlers(backend: ExecBackend): Record<ExecRouteName, Handler> {
  return {
    execCreate: (request) => create(backend, request),
    execStart: (request) => start(backend, request),
    execResize: async ({ target, query }) => {
      await backend.resize(target, terminalSizeOf(query));
      return { kind: 'empty', status: 200 };
    },
    execInspect: async ({ target }) => ok(await backend.inspect(target)),
  };
}

async function create(backend: ExecBackend, request: ApiRequest): Promise<Reply> {
  const text = await request.jsonBody();
  const body = shapeExecCreateRequest(request.version, text === undefined ? {} : decodeExecCreate(text));
  if ((body.Cmd ?? []).length === 0) throw new GantryError('invalid', 'No exec command specified');
  return created(await backend.create(request.target, body));
}

async function start(backend: ExecBackend, request: ApiRequest): Promise<Reply> {
  const text = await request.jsonBody();
  const body = shapeExecStartRequest(request.version, text === undefined ? {} : decodeExecStart(text));
  const tty = body.Tty ?? false;
  try {
    const session = await backend.start(request.target, body);
    if (session === undefined) return { kind: 'empty', status: 200 };
    return { kind: 'hijack', tty: session.tty, session };
  } catch (error) {
    if (body.Detach === true || !isRefusedByRuntime(error)) throw error;
    return { kind: 'hijack', tty, session: sessionThatSays(`${error.message}\r\n`, tty) };
  }
}

/**
 * A process that could not be started in a container that is there (a missing executable, a bad user) is told in the
 * stream, as Docker tells it: the client then asks for the exit code, 126 or 127.
 */
function isRefusedByRuntime(error: unknown): error is GantryError {
  return error instanceof GantryError && (error.kind === 'invalid' || error.kind === 'internal');
}

function sessionThatSays(text: string, tty: boolean): StreamSession {
  async function* output(): StreamSession['output'] {
    yield { stream: 'stdout', data: Buffer.from(text) };
  }
  return { tty, output: output(), stdin: undefined, close: () => {} };
}
