/**
 * The hub between one process's streams and its clients: reads what the process writes, hands it to the log and to every
 * attached client, and takes the clients' input.
 *
 * Who waits for whom: the process waits for the log (its pipe fills while a write to the log is under way), and for a client
 * whose buffer is full, so that a consumer that is merely slow loses no byte. A client that takes nothing at all for
 * `stallTimeoutMs` while its buffer is full is dropped: its output fails, the others and the log go on. Once the process
 * has ended nothing waits for clients: what the kernel still holds, a pipe's content at most, goes to the log and into
 * their buffers at once, and they take it from there as they like.
 */
import { type Readable, Writable } from 'node:stream';

import { AsyncQueue } from './asyncQueue.ts';
import { DetachFilter } from './detachKeys.ts';
import { GantryError } from './errors.ts';

export type HubStream = 'stdout' | 'stderr';

export interface HubChunk {
  readonly stream: HubStream;
  readonly data: Uint8Array;
}

/** The part of a log writer that the hub needs. */
export interface HubLog {
  write(stream: HubStream, data: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface OutputHubOptions {
  readonly stdout: Readable;
  /** Absent with a terminal. */
  readonly stderr: Readable | undefined;
  readonly stdin: Writable | undefined;
  readonly tty: boolean;
  /** Absent when output is not kept (an exec). */
  readonly log: HubLog | undefined;
  /** Close the process's stdin when the first client that has it ends its input or goes. Has no effect with a terminal. */
  readonly stdinOnce: boolean;
  /** What is read of a client's output before the process waits for it. */
  readonly clientBufferBytes?: number;
  /** Resolves when the process has ended, though its output may not have been read. */
  readonly ended?: Promise<unknown>;
  readonly stallTimeoutMs?: number;
  /** A stream or the log failed; output goes on as far as it can. */
  readonly onError?: (error: unknown) => void;
}

export interface HubAttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Bytes of the detach sequence, watched for with a terminal only; undefined: none. */
  readonly detachKeys?: Uint8Array;
  /** The client typed the detach sequence; its session is closed already. */
  readonly onDetach?: () => void;
}

/** One client's view. */
export interface HubSession {
  readonly tty: boolean;
  /** Output from the attach on, in the order read. Ends with the process's streams or `close`; fails when the client was dropped. */
  readonly output: AsyncIterable<HubChunk>;
  /** Absent when it was not asked for or the process has no open stdin. Input that the process no longer takes is discarded. */
  readonly stdin: Writable | undefined;
  /** The client ended it by the detach sequence. */
  readonly detached: boolean;
  close(): void;
}

export interface OutputHub {
  attach(options: HubAttachOptions): HubSession;
  /** How many clients are attached. */
  readonly clientCount: number;
  /** Resolves when both streams have ended and the log has been flushed and closed. Never rejects. */
  readonly closed: Promise<void>;
}

const defaultClientBufferBytes = 1 << 20;
const defaultStallTimeoutMs = 10_000;

/** Starts reading at once; see the top of this file for what it promises. */
export function createOutputHub(options: OutputHubOptions): OutputHub {
  return new Hub(options);
}

class Hub implements OutputHub {
  readonly closed: Promise<void>;
  readonly #options: OutputHubOptions;
  readonly #clients = new Set<Client>();
  readonly #input: SharedInput | undefined;
  #ended = false;
  #waitsForClients = true;

  constructor(options: OutputHubOptions) {
    this.#options = options;
    if (options.stdin !== undefined) {
      this.#input = new SharedInput(options.stdin, options.stdinOnce && !options.tty);
    }
    this.closed = this.#run();
    void options.ended?.then(() => this.#stopWaiting());
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  attach(options: HubAttachOptions): HubSession {
    const client = new Client(this.#options, options, this.#input, () => this.#clients.delete(client));
    if (!this.#waitsForClients) client.lift();
    if (this.#ended) client.end();
    else this.#clients.add(client);
    return client;
  }

  #stopWaiting(): void {
    this.#waitsForClients = false;
    for (const client of this.#clients) client.lift();
  }

  async #run(): Promise<void> {
    const { stdout, stderr, log } = this.#options;
    await Promise.all([this.#pump('stdout', stdout), stderr === undefined ? undefined : this.#pump('stderr', stderr)]);
    this.#ended = true;
    this.#input?.finish();
    // The log goes first: whoever saw the end of the output finds all of it in the log.
    await this.#reporting(log?.close());
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  async #pump(stream: HubStream, source: Readable): Promise<void> {
    try {
      for await (const data of source as AsyncIterable<Uint8Array>) {
        const logged = this.#reporting(this.#options.log?.write(stream, data));
        await Promise.all([logged, this.#deliver({ stream, data })]);
      }
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  async #deliver(chunk: HubChunk): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const client of this.#clients) {
      if (client.offer(chunk)) waits.push(client.roomOrDrop());
    }
    if (waits.length > 0) await Promise.all(waits);
  }

  async #reporting(work: Promise<void> | undefined): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}

class Client implements HubSession {
  readonly tty: boolean;
  readonly stdin: Writable | undefined;
  readonly #queue: AsyncQueue<HubChunk>;
  readonly #wants: HubAttachOptions;
  readonly #stallTimeoutMs: number;
  readonly #onGone: () => void;
  #detached = false;

  constructor(hub: OutputHubOptions, wants: HubAttachOptions, input: SharedInput | undefined, onGone: () => void) {
    this.tty = hub.tty;
    this.#wants = wants;
    this.#onGone = onGone;
    this.#stallTimeoutMs = hub.stallTimeoutMs ?? defaultStallTimeoutMs;
    this.#queue = new AsyncQueue(hub.clientBufferBytes ?? defaultClientBufferBytes);
    const keys = hub.tty && wants.detachKeys !== undefined ? wants.detachKeys : undefined;
    if (wants.stdin) this.stdin = input?.open(keys, () => this.#detach());
  }

  get detached(): boolean {
    return this.#detached;
  }

  get output(): AsyncIterable<HubChunk> {
    return this.#queue;
  }

  /** True when the client's buffer is full now. */
  offer(chunk: HubChunk): boolean {
    if (chunk.stream === 'stdout' ? !this.#wants.stdout : !this.#wants.stderr) return false;
    return this.#queue.push(chunk, chunk.data.length) && this.#queue.isFull;
  }

  /** Resolves when the buffer has room; drops the client when it takes nothing for the stall time-out. */
  async roomOrDrop(): Promise<void> {
    let taken = this.#queue.taken;
    const timer = setInterval(() => {
      if (this.#queue.taken === taken) this.#drop();
      taken = this.#queue.taken;
    }, this.#stallTimeoutMs);
    try {
      await this.#queue.room();
    } finally {
      clearInterval(timer);
    }
  }

  /** Its buffer is never full from now on. */
  lift(): void {
    this.#queue.lift();
  }

  end(): void {
    this.#queue.end();
  }

  close(): void {
    this.#onGone();
    this.#queue.discard();
    this.stdin?.destroy();
  }

  #detach(): void {
    this.#detached = true;
    this.close();
    this.#wants.onDetach?.();
  }

  #drop(): void {
    this.#onGone();
    const seconds = this.#stallTimeoutMs / 1000;
    this.#queue.discard(
      new GantryError('unavailable', `the client took no output for ${seconds} seconds and was disconnected`),
    );
    this.stdin?.destroy();
  }
}

/** The process's stdin, written by any number of clients. */
class SharedInput {
  readonly #target: Writable;
  readonly #once: boolean;
  readonly #waiting = new Set<() => void>();
  #open = true;

  constructor(target: Writable, once: boolean) {
    this.#target = target;
    this.#once = once;
    // The process may close its stdin whenever it likes: that is no failure of the clients.
    target.on('error', () => this.finish());
    target.on('close', () => this.finish());
  }

  /** A writer for one client, or nothing when stdin is closed. */
  open(detachKeys: Uint8Array | undefined, onDetach: () => void): Writable | undefined {
    if (!this.#open) return undefined;
    const filter = detachKeys === undefined ? undefined : new DetachFilter(detachKeys);
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        const { data, detached } = filter?.push(chunk) ?? { data: chunk, detached: false };
        this.#write(data, done);
        if (detached) onDetach();
      },
      final: (done) => {
        this.#clientGone();
        done();
      },
      destroy: (error, done) => {
        this.#clientGone();
        done(error);
      },
    });
  }

  /** Nobody takes input any more: whoever waits goes on, what comes is discarded. */
  finish(): void {
    this.#open = false;
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }

  #clientGone(): void {
    if (!this.#once || !this.#open) return;
    this.#open = false;
    this.#target.end();
  }

  #write(data: Uint8Array, callback: () => void): void {
    if (!this.#open || data.length === 0) return callback();
    const done = (): void => {
      if (this.#waiting.delete(done)) callback();
    };
    this.#waiting.add(done);
    this.#target.write(data, done);
  }
}
