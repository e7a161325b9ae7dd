/**
 * The hub between one process's streams and its clients: reads what the process writes, hands it to the log and to every
 * attached client, and takes the clients' input.
 *
 * Who waits for whom: the process waits for the log (its pipe fills while a write to the log is under way), and for clients only
 * at their bound. What a client has not taken lies in memory first, then in a file of its own (`clientQueue.ts`), while the
 * process, its log and the other clients go on. Once the file is full, or while the disk refuses to take more, the process
 * waits for a client that takes something, so that one that is merely slow loses no byte; a client that has taken nothing
 * for `stallTimeoutMs` is dropped instead. Once the process has ended nothing waits for clients: what the kernel still
 * holds, a pipe's content at most, goes to the log and into their queues at once, and they take it from there as they like.
 */
import { type Readable, Writable } from 'node:stream';

import { ClientQueue } from './clientQueue.ts';
import { DetachFilter } from './detachKeys.ts';
import { GantryError, messageOf } from './errors.ts';
import type { OpenSpill, StreamChunk } from './spillRing.ts';

export type HubChunk = StreamChunk;
export type HubStream = HubChunk['stream'];

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
  /** What waits for a client in memory before its file is asked for, and again on the way into the file. */
  readonly clientBufferBytes?: number;
  /** Opens a client's file. Absent: the process waits for a client as soon as its memory is full. */
  readonly openSpill?: OpenSpill;
  /** What a client's file holds at most. */
  readonly clientSpillBytes?: number;
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
  /** Aborts when the client is dropped, with the reason: whoever serves it need not wait for it to read. */
  readonly dropped: AbortSignal;
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
const defaultClientSpillBytes = 256 << 20;
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
      const room = client.offer(chunk);
      if (room !== undefined) waits.push(room);
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
  readonly #queue: ClientQueue;
  readonly #wants: HubAttachOptions;
  readonly #stallTimeoutMs: number;
  readonly #onGone: () => void;
  readonly #dropped = new AbortController();
  #detached = false;

  constructor(hub: OutputHubOptions, wants: HubAttachOptions, input: SharedInput | undefined, onGone: () => void) {
    this.tty = hub.tty;
    this.#wants = wants;
    this.#onGone = onGone;
    this.#stallTimeoutMs = hub.stallTimeoutMs ?? defaultStallTimeoutMs;
    this.#queue = queueFor(hub);
    const keys = hub.tty && wants.detachKeys !== undefined ? wants.detachKeys : undefined;
    if (wants.stdin) this.stdin = input?.open(keys, () => this.#detach());
  }

  get detached(): boolean {
    return this.#detached;
  }

  get output(): AsyncIterable<HubChunk> {
    return this.#queue;
  }

  get dropped(): AbortSignal {
    return this.#dropped.signal;
  }

  /** Takes a chunk in; gives a promise to wait for when that is all that may be held. */
  offer(chunk: HubChunk): Promise<void> | undefined {
    if (chunk.stream === 'stdout' ? !this.#wants.stdout : !this.#wants.stderr) return undefined;
    this.#queue.push(chunk);
    if (this.#queue.isOverrun) this.#drop('took too little of the output of a process that has ended');
    return this.#queue.isFull ? this.#roomOrDrop() : undefined;
  }

  /** Resolves when there is room; drops the client when it has taken nothing for the stall time-out. */
  async #roomOrDrop(): Promise<void> {
    while (this.#queue.isFull) {
      const patienceMs = this.#stallTimeoutMs - this.#queue.stalledMs;
      if (patienceMs <= 0) this.#drop(`took no output for ${this.#stallTimeoutMs / 1000} seconds`);
      else await within(patienceMs, this.#queue.room());
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

  #drop(why: string): void {
    this.#onGone();
    const reason = new GantryError('unavailable', `the client ${why} and was disconnected`);
    this.#queue.discard(reason);
    this.stdin?.destroy();
    this.#dropped.abort(reason);
  }
}

function queueFor(hub: OutputHubOptions): ClientQueue {
  return new ClientQueue({
    memoryBytes: hub.clientBufferBytes ?? defaultClientBufferBytes,
    spillBytes: hub.clientSpillBytes ?? defaultClientSpillBytes,
    openSpill: hub.openSpill,
    onSpillError: (error) => hub.onError?.(explainSpillError(error)),
  });
}

function explainSpillError(error: unknown): Error {
  return new Error(`output cannot be kept on disk for a slow client, which is waited for: ${messageOf(error)}`);
}

/** Waits for `work`, but no longer than `timeoutMs`. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise: expired, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  try {
    await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
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
