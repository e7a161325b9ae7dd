import type { execRoutes, ExecStartRequest } from '../../api/index.ts';
import { GantryError, messageOf } from '../../base/index.ts';
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
  const { target } = request;
  if (body.Detach === true) {
    await backend.start(target, body);
    return { kind: 'empty', status: 200 };
  }
  await backend.expectStartable(target);
  const tty = body.Tty ?? false;
  return { kind: 'earlyHijack', tty, open: () => open(backend, target, body) };
}

/**
 * A process that cannot be started in a container that is there (a missing executable, a bad user) is told in the stream,
 * as Docker tells it: the client then asks for the exit code, 126 or 127.
 */
async function open(backend: ExecBackend, id: string, body: ExecStartRequest): Promise<StreamSession> {
  const tty = body.Tty ?? false;
  try {
    return (await backend.start(id, body)) ?? sessionThatSays('', tty);
  } catch (error) {
    return sessionThatSays(`${messageOf(error)}\r\n`, tty);
  }
}

function sessionThatSays(text: string, tty: boolean): StreamSession {
  async function* output(): StreamSession['output'] {
    yield { stream: 'stdout', data: Buffer.from(text) };
  }
  return { tty, output: output(), stdin: undefined, close: () => {} };
}
