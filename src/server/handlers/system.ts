import type { EventMessage, systemRoutes } from '../../api/index.ts';
import { GantryError, isKind } from '../../base/index.ts';
import type { EventBackend, SystemBackend } from '../backends.ts';
import { filtersOf, momentOf } from '../query.ts';
import { type AnswerStream, type ApiRequest, type Handler, ok, type Reply } from '../reply.ts';

const ping: Handler = async () => ({ kind: 'ping', body: 'OK' });

type SystemRouteName = (typeof systemRoutes)[number]['name'];

/** One handler per route that is about the engine as a whole. */
export function systemHandlers(system: SystemBackend, events: EventBackend): Record<SystemRouteName, Handler> {
  return {
    ping,
    pingHead: ping,
    version: async () => ok(await system.version()),
    info: async () => ok(await system.info()),
    events: (request) => follow(events, request),
  };
}

async function follow(backend: EventBackend, { query, signal }: ApiRequest): Promise<Reply> {
  const sinceNs = momentOf(query, 'since');
  const untilNs = momentOf(query, 'until');
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
    throw new GantryError(
      'invalid',
      `\`since\` time (${query.get('since')}) cannot be after \`until\` time (${query.get('until')})`,
    );
  }
  const events = backend.events({ sinceNs, untilNs, filters: filtersOf(query) }, signal)[Symbol.asyncIterator]();
  return { kind: 'stream', contentType: 'application/json', run: (stream) => sendEvents(events, stream, signal) };
}

async function sendEvents(
  events: AsyncIterator<EventMessage>,
  stream: AnswerStream,
  signal: AbortSignal,
): Promise<void> {
  let next = events.next();
  // A refusal (a filter that is unknown) comes at once; events may take hours, and the headers do not wait for them.
  await Promise.race([next, new Promise((resolve) => setImmediate(resolve))]);
  stream.start();
  try {
    for (let step = await next; step.done !== true; step = await next) {
      await stream.write(`${JSON.stringify(step.value)}\n`);
      next = events.next();
    }
  } catch (error) {
    if (!signal.aborted && !isKind(error, 'cancelled')) throw error;
  }
}
