import { type OpenSpill, SpillRing, type StreamChunk } from './spillRing.ts';

export interface ClientQueueOptions {
  /** What is held in memory before the disk is asked for, and again while it writes. */
  readonly memoryBytes: number;
  /** What the client's file may hold. */
  readonly spillBytes: number;
  /** Absent: everything stays in memory, and the queue is full early. */
  readonly openSpill: OpenSpill | undefined;
  /** The disk failed. Until the client has caught up everything stays in memory then. */
  readonly onSpillError: (error: unknown) => void;
}

/** What a chunk takes in memory beside its bytes. */
const chunkBytes = 128;
/** What may come once nobody waits any more: more than pipes hold. */
const afterlifeBytes = 4 << 20;

/**
 * A process's output on its way to one client, in the order in which it was read. It lies in three parts: the head, which
 * the client takes from, then a file, then the tail, which waits for the file. What fits into memory never sees the disk.
 * Whoever pushes looks at `isFull`, which is true when the tail can neither go to the file nor to the client.
 */
export class ClientQueue implements AsyncIterable<StreamChunk> {
  readonly #options: ClientQueueOptions;
  #head: StreamChunk[] = [];
  #headBytes = 0;
  #tail: StreamChunk[] = [];
  #tailBytes = 0;
  #ring: SpillRing | undefined;
  #isWriting = false;
  #isTaking = false;
  #isRefused = false;
  #isLifted = false;
  #isEnded = false;
  #isDiscarded = false;
  #error: unknown;
  /** The client waits for output: whatever is slow, it is not the client. */
  #isAsking = false;
  #handedAtMs = performance.now();
  #wakeConsumer: (() => void) | undefined;
  #roomWaiters: (() => void)[] = [];

  constructor(options: ClientQueueOptions) {
    this.#options = options;
    this.#isRefused = options.openSpill === undefined;
  }

  get isFull(): boolean {
    return !this.#isLifted && !this.#isEnded && this.#tailBytes >= this.#options.memoryBytes;
  }

  /** Nobody waits for the client, and still there is more for it than may be held. */
  get isOverrun(): boolean {
    return this.#isLifted && this.#tailBytes > this.#options.memoryBytes + afterlifeBytes;
  }

  /** How long the client has had something in hand without asking for more; 0 while it is the disk that is waited for. */
  get stalledMs(): number {
    return this.#isAsking || this.#isWriting ? 0 : performance.now() - this.#handedAtMs;
  }

  /** Takes a chunk in, also when the queue is full. */
  push(chunk: StreamChunk): void {
    if (this.#isEnded) return;
    if (this.#tail.length === 0 && this.#ring === undefined && this.#headBytes < this.#options.memoryBytes) {
      this.#head.push(chunk);
      this.#headBytes += sizeOf(chunk);
    } else {
      this.#tail.push(chunk);
      this.#tailBytes += sizeOf(chunk);
      void this.#spill();
    }
    this.#wake();
  }

  /** Nothing will follow: the client takes what is there. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
    this.#tellRoom();
  }

  /** Ends at once and forgets what is there; with `error` the client's iteration fails with it. */
  discard(error?: unknown): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#error = error;
    this.#head = [];
    this.#tail = [];
    this.#tailBytes = 0;
    this.#closeIdleRing();
    this.end();
  }

  /** Nobody is to wait for the client any more: from now on the queue is never full. */
  lift(): void {
    this.#isLifted = true;
    this.#tellRoom();
  }

  /** Resolves when the queue may have room again, or what it waits for is another than before. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamChunk, void, void> {
    try {
      for (;;) {
        this.#isAsking = true;
        const chunk = this.#shift() ?? (await this.#next());
        if (chunk === undefined) break;
        this.#isAsking = false;
        this.#handedAtMs = performance.now();
        yield chunk;
      }
      if (this.#error !== undefined) throw this.#error;
    } finally {
      this.discard();
    }
  }

  #shift(): StreamChunk | undefined {
    const chunk = this.#head.shift();
    if (chunk !== undefined) this.#headBytes -= sizeOf(chunk);
    return chunk;
  }

  /** Waits for the next chunk; undefined at the end. */
  async #next(): Promise<StreamChunk | undefined> {
    for (;;) {
      const chunk = this.#shift();
      if (chunk !== undefined || this.#isDiscarded) return chunk;
      if (this.#ring?.isEmpty === false) await this.#takeFromRing(this.#ring);
      else if (this.#tail.length > 0 && !this.#isWriting) this.#takeTail();
      else if (this.#isEnded && !this.#isWriting) return undefined;
      else await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
    }
  }

  async #takeFromRing(ring: SpillRing): Promise<void> {
    this.#isTaking = true;
    try {
      const chunks = await ring.take();
      if (!this.#isDiscarded) this.#toHead(chunks);
    } catch (error) {
      this.discard(error);
    } finally {
      this.#isTaking = false;
      this.#closeIdleRing();
    }
    if (this.#ring !== undefined) void this.#spill();
  }

  /** The client has caught up. */
  #takeTail(): void {
    this.#toHead(this.#tail);
    this.#tail = [];
    this.#tailBytes = 0;
    this.#isRefused = this.#options.openSpill === undefined;
    this.#tellRoom();
  }

  #toHead(chunks: readonly StreamChunk[]): void {
    for (const chunk of chunks) {
      this.#head.push(chunk);
      this.#headBytes += sizeOf(chunk);
    }
  }

  /** Moves what fits of the tail into the file, unless that is under way or not worth a write yet. */
  async #spill(): Promise<void> {
    if (this.#isWriting || this.#isRefused) return;
    this.#isWriting = true;
    try {
      while (this.#tailBytes >= this.#options.memoryBytes / 4 && (await this.#spillSome()));
    } catch (error) {
      this.#isRefused = true;
      if (!this.#isDiscarded) this.#options.onSpillError(error);
    } finally {
      this.#isWriting = false;
      this.#closeIdleRing();
      this.#wake();
      this.#tellRoom();
    }
  }

  /** False when the file is full. */
  async #spillSome(): Promise<boolean> {
    const ring = (this.#ring ??= await this.#openRing());
    if (this.#isDiscarded) return false;
    const chunks = this.#tail.slice(0, ring.countFitting(this.#tail));
    if (chunks.length === 0) return false;
    await ring.append(chunks);
    if (this.#isDiscarded) return false;
    this.#tail.splice(0, chunks.length);
    for (const chunk of chunks) this.#tailBytes -= sizeOf(chunk);
    this.#tellRoom();
    this.#wake();
    return true;
  }

  async #openRing(): Promise<SpillRing> {
    const { openSpill, spillBytes } = this.#options;
    if (openSpill === undefined) throw new Error('there is nowhere to keep output');
    return new SpillRing(await openSpill(), spillBytes);
  }

  /** Gives the file back as soon as nothing in it, and nothing on its way, is wanted. */
  #closeIdleRing(): void {
    const ring = this.#ring;
    if (ring === undefined || this.#isWriting || this.#isTaking) return;
    if (!ring.isEmpty && !this.#isDiscarded) return;
    this.#ring = undefined;
    ring.close().catch(this.#options.onSpillError);
  }

  #wake(): void {
    this.#wakeConsumer?.();
    this.#wakeConsumer = undefined;
  }

  #tellRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function sizeOf({ data }: StreamChunk): number {
  return data.length + chunkBytes;
}
