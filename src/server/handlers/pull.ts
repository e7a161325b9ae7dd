import type { ProgressMessage } from '../../api/index.ts';
import { GantryError, messageOf } from '../../base/index.ts';
import type { ImageBackend } from '../backends.ts';
import { textOf } from '../query.ts';
import { readRegistryAuth } from '../registryAuth.ts';
import type { AnswerStream, ApiRequest, Handler } from '../reply.ts';
import { sinceVersion } from '../versions.ts';

/** POST /images/create: a pull. What fails before the first message is an error like any other; later it is a message. */
export function pullHandler(backend: ImageBackend): Handler {
  return async (request) => {
    const pull = pullRequest(request);
    return {
      kind: 'stream',
      contentType: 'application/json',
      run: async (stream) => {
        const progress = new ProgressSender(stream);
        try {
          await backend.pull(pull, (message) => progress.send(message), request.signal);
        } catch (error) {
          if (!stream.started) throw error;
          progress.send({ errorDetail: { message: messageOf(error) }, error: messageOf(error) });
        }
        await progress.finish();
      },
    };
  };
}

function pullRequest({ query, headers, version }: ApiRequest): Parameters<ImageBackend['pull']>[0] {
  const fromImage = textOf(query, 'fromImage');
  if (fromImage === undefined) {
    if (query.has('fromSrc')) throw new GantryError('notImplemented', 'importing an image is not supported');
    throw new GantryError('invalid', 'invalid reference format: "fromImage" is empty');
  }
  return {
    fromImage,
    tag: textOf(query, 'tag'),
    platform: sinceVersion(version, 32, textOf(query, 'platform')),
    auth: readRegistryAuth(headers['x-registry-auth']),
  };
}

/** Sends progress as one JSON object a line. For a slow client only the newest of a layer's counts is kept. */
class ProgressSender {
  readonly #stream: AnswerStream;
  readonly #newest = new Map<string, ProgressMessage>();
  #draining: Promise<void> | undefined;

  constructor(stream: AnswerStream) {
    this.#stream = stream;
  }

  send(message: ProgressMessage): void {
    if (this.#stream.gone) return;
    if (this.#stream.congested && isCount(message)) {
      this.#newest.set(message.id, message);
      this.#draining ??= this.#sendNewest();
      return;
    }
    // What was held back about this layer is older than the message, so it must not come later.
    if (message.id !== undefined) this.#newest.delete(message.id);
    this.#write(message);
  }

  async finish(): Promise<void> {
    await this.#draining;
    await this.#stream.drained();
  }

  async #sendNewest(): Promise<void> {
    await this.#stream.drained();
    this.#draining = undefined;
    const messages = [...this.#newest.values()];
    this.#newest.clear();
    for (const message of messages) this.#write(message);
  }

  #write(message: ProgressMessage): void {
    // Whoever cares waits by drained().
    void this.#stream.write(`${JSON.stringify(message)}\r\n`);
  }
}

function isCount(message: ProgressMessage): message is ProgressMessage & { id: string } {
  return message.id !== undefined && message.progressDetail?.current !== undefined;
}
