import { GantryError, messageOf } from '../../base/index.ts';
import type { ContainerBackend, LogOptions, LogSession } from '../backends.ts';
import { OutputWriter } from '../output.ts';
import { booleanOf, momentOf, tailOf } from '../query.ts';
import type { AnswerStream, ApiRequest, Handler } from '../reply.ts';
import { sinceVersion, streamContentType } from '../versions.ts';

/** GET /containers/{id}/logs: the log, framed unless the container has a terminal; with `follow` until it has ended. */
export function logsHandler(backend: ContainerBackend): Handler {
  return async (request) => {
    const session = await backend.logs(request.target, logOptions(request));
    return {
      kind: 'stream',
      contentType: streamContentType(request.version, session.tty),
      run: (stream) => sendLog(session, stream, request),
    };
  };
}

function logOptions({ query, version }: ApiRequest): LogOptions {
  const stdout = booleanOf(query, 'stdout');
  const stderr = booleanOf(query, 'stderr');
  if (!stdout && !stderr) {
    throw new GantryError('invalid', 'Bad parameters: you must choose at least one stream');
  }
  return {
    stdout,
    stderr,
    follow: booleanOf(query, 'follow'),
    timestamps: booleanOf(query, 'timestamps'),
    details: booleanOf(query, 'details'),
    sinceNs: momentOf(query, 'since'),
    untilNs: sinceVersion(version, 35, momentOf(query, 'until')),
    tail: tailOf(query),
  };
}

async function sendLog(session: LogSession, stream: AnswerStream, { signal, logger }: ApiRequest): Promise<void> {
  const close = (): void => session.close();
  signal.addEventListener('abort', close, { once: true });
  const writer = new OutputWriter(stream, !session.tty);
  try {
    if (signal.aborted) return;
    stream.start();
    for await (const chunk of session.output) {
      const congestion = writer.write(chunk);
      if (congestion !== undefined) await congestion;
      if (signal.aborted) break;
    }
    writer.flush();
  } catch (error) {
    if (signal.aborted) return;
    logger.error('reading a log failed', { error: messageOf(error) });
    writer.fail(`Error grabbing logs: ${messageOf(error)}`);
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}
