import type { ContainerBackend } from '../backends.ts';
import { booleanOf, textOf } from '../query.ts';
import type { Handler } from '../reply.ts';

/** POST /containers/{id}/attach: whatever refuses the attach does so before the connection leaves HTTP. */
export function attachHandler(backend: ContainerBackend): Handler {
  return async ({ target, query }) => {
    const session = await backend.attach(target, {
      stdin: booleanOf(query, 'stdin'),
      stdout: booleanOf(query, 'stdout'),
      stderr: booleanOf(query, 'stderr'),
      stream: booleanOf(query, 'stream'),
      logs: booleanOf(query, 'logs'),
      detachKeys: textOf(query, 'detachKeys'),
    });
    return { kind: 'hijack', tty: session.tty, session };
  };
}
