import { Writable } from 'node:stream';

import type { HubAttachOptions, HubChunk, HubSession, OutputHub } from '../base/index.ts';

/**
 * The session of a client that attached before the process was started: output and input wait until `bind`. Ends without
 * output when `abandon` is called instead (the start was refused, the container was removed).
 */
export class LateSession implements HubSession {
  readonly tty: boolean;
  readonly stdin: Writable | undefined;
  readonly #options: HubAttachOptions;
  readonly #bound = Promise.withResolvers<HubSession | undefined>();
  readonly #dropped = new AbortController();
  #session: HubSession | undefined;
  #closed = false;
  #onClose: () => void = () => {};

  constructor(tty: boolean, openStdin: boolean, options: HubAttachOptions) {
    this.tty = tty;
    this.#options = options;
    if (openStdin && options.stdin) this.stdin = this.#waitingInput();
  }

  get detached(): boolean {
    return this.#session?.detached ?? false;
  }

  get dropped(): AbortSignal {
    return this.#dropped.signal;
  }

  get output(): AsyncIterable<HubChunk> {
    return this.#output();
  }

  /** `run` is called when the client goes. */
  onClose(run: () => void): void {
    this.#onClose = run;
  }

  bind(hub: OutputHub): void {
    if (this.#closed) return;
    const session = hub.attach(this.#options);
    session.dropped.addEventListener('abort', () => this.#dropped.abort(session.dropped.reason));
    this.#session = session;
    this.#bound.resolve(this.#session);
  }

  abandon(): void {
    this.#bound.resolve(undefined);
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
    this.#session?.close();
    this.#bound.resolve(undefined);
  }

  async *#output(): AsyncGenerator<HubChunk> {
    const session = await this.#bound.promise;
    if (session !== undefined) yield* session.output;
  }

  #waitingInput(): Writable {
    const target = async (): Promise<Writable | undefined> => (await this.#bound.promise)?.stdin;
    const passing = (pass: (stdin: Writable) => void, done: () => void): void => {
      void target().then((stdin) => (stdin === undefined || stdin.destroyed ? done() : pass(stdin)));
    };
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => passing((stdin) => stdin.write(chunk, () => done()), done),
      final: (done) => passing((stdin) => stdin.end(() => done()), done),
      destroy: (error, done) => {
        this.#session?.stdin?.destroy();
        done(error);
      },
    });
  }
}
