import type { ContainerBackend } from '../backends.ts';
import { exactJson } from '../exactJson.ts';
import { booleanOf } from '../query.ts';
import type { AnswerStream, ApiRequest, Handler } from '../reply.ts';
import { sinceVersion } from '../versions.ts';

/** GET /containers/{id}/stats: a JSON object a line, one a second, or one in all. */
export function statsHandler(backend: ContainerBackend): Handler {
  return async (request) => {
    const { target, query, version, signal } = request;
    const stream = query.has('stream') ? booleanOf(query, 'stream') : true;
    const oneShot = sinceVersion(version, 41, booleanOf(query, 'one-shot')) ?? false;
    const samples = await backend.stats(target, { stream, oneShot }, signal);
    return {
      kind: 'stream',
      contentType: 'application/json',
      run: (answer) => sendSamples(samples, answer, request),
    };
  };
}

async function sendSamples(
  samples: AsyncIterable<unknown>,
  answer: AnswerStream,
  { signal }: ApiRequest,
): Promise<void> {
  answer.start();
  for await (const sample of samples) {
    if (signal.aborted || answer.gone) return;
    await answer.write(`${exactJson(sample)}\n`);
  }
}
