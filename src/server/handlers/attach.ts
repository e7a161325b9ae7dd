import type { AttachOptions, ContainerBackend } from '../backends.ts';
import { booleanOf, textOf } from '../query.ts';
import type { Handler } from '../reply.ts';
import { webSocketIsText, webSocketStreams } from '../versions.ts';
import { requireHandshake } from '../webSocket.ts';

/** POST /containers/{id}/attach: whatever refuses the attach does so before the connection leaves HTTP. */
export function attachHandler(backend: ContainerBackend): Handler {
  return async ({ target, query }) => {
    const session = await backend.attach(target, optionsOf(query));
    return { kind: 'hijack', tty: session.tty, session };
  };
}

/** GET /containers/{id}/attach/ws: the same over WebSocket, never multiplexed. */
export function attachWebSocketHandler(backend: ContainerBackend): Handler {
  return async ({ target, query, version, headers, isFromNetwork }) => {
    requireHandshake(headers, isFromNetwork);
    const session = await backend.attach(target, webSocketStreams(version, optionsOf(query)));
    return { kind: 'webSocket', text: webSocketIsText(version), session };
  };
}

function optionsOf(query: URLSearchParams): AttachOptions {
  return {
    stdin: booleanOf(query, 'stdin'),
    stdout: booleanOf(query, 'stdout'),
    stderr: booleanOf(query, 'stderr'),
    stream: booleanOf(query, 'stream'),
    logs: booleanOf(query, 'logs'),
    detachKeys: textOf(query, 'detachKeys'),
  };
}
