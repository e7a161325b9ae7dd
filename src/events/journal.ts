/**
 * What happened, for whoever wants to know: events announce, nothing in the daemon depends on them. The newest are kept, also
 * beyond the daemon's end, so that a client can ask for those since it last listened.
 */
import { AsyncQueue, type Clock, GantryError, type Logger, longestTimerMs, messageOf } from '../base/index.ts';
import { parseEvents } from './archive.ts';
import { compileEventFilters, type EventFilters } from './filter.ts';

export type EventType = 'builder' | 'container' | 'daemon' | 'image' | 'network' | 'volume';

/** The wire's event (Engine API, EventMessage), its keys in Docker's order. */
export interface JournalEvent {
  /** What clients before API 1.22 read: of containers and images only. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local';
  /** Seconds since the epoch. */
  readonly time: number;
  /** Nanoseconds, a multiple of 1000: with more digits a JSON number would not be exact. No two events have the same. */
  readonly timeNano: number;
}

export interface NewEvent {
  readonly type: EventType;
  readonly action: string;
  readonly actorId: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface SubscribeOptions {
  /** Inclusive; with either of the two, past events that are still kept come first. */
  readonly sinceNs: bigint | undefined;
  /** Inclusive; the subscription ends when this time comes. */
  readonly untilNs: bigint | undefined;
  readonly filters: EventFilters;
}

export interface EventJournal {
  /** How many subscriptions are open. */
  readonly subscriberCount: number;
  publish(event: NewEvent): void;
  /**
   * Events from this call on, after the past ones asked for, until `untilNs` or `signal`. A
   * subscriber that does not read fails with `unavailable` when too much waits for it; the others do not notice.
   */
  subscribe(options: SubscribeOptions, signal: AbortSignal): AsyncIterable<JournalEvent>;
}

/** Where events outlive the daemon: lines, oldest first. */
export interface EventArchive {
  read(): readonly string[];
  append(line: string): void;
}

interface Subscriber {
  readonly queue: AsyncQueue<JournalEvent>;
  readonly wants: (event: JournalEvent) => boolean;
}

/** How many past events are kept. */
export const keptEvents = 1024;

interface JournalOptions {
  readonly clock: Clock;
  /** Told when the archive fails. */
  readonly logger?: Logger;
  /** Without it nothing outlives the daemon. */
  readonly archive?: EventArchive;
  /** How many past events are kept. */
  readonly limit?: number;
  /** How many may wait for one subscriber. */
  readonly subscriberLimit?: number;
}

export function createJournal(options: JournalOptions): EventJournal {
  return new Journal(options);
}

class Journal implements EventJournal {
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #archive: EventArchive | undefined;
  readonly #limit: number;
  readonly #subscriberLimit: number;
  /** Oldest first; up to twice the limit, so that forgetting the oldest is rare. */
  #past: JournalEvent[];
  readonly #subscribers = new Set<Subscriber>();
  #lastMicroseconds = 0n;

  constructor({ clock, logger, archive, limit = keptEvents, subscriberLimit = 4096 }: JournalOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#archive = archive;
    this.#limit = limit;
    this.#subscriberLimit = subscriberLimit;
    this.#past = parseEvents(archive?.read() ?? []).slice(-limit);
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  publish(event: NewEvent): void {
    const message = toMessage(event, this.#nextMicroseconds());
    this.#past.push(message);
    this.#keep(message);
    if (this.#past.length >= this.#limit * 2) this.#past = this.#past.slice(-this.#limit);
    for (const subscriber of this.#subscribers) this.#deliver(subscriber, message);
  }

  subscribe(options: SubscribeOptions, signal: AbortSignal): AsyncIterable<JournalEvent> {
    const { sinceNs, untilNs } = options;
    const matches = compileEventFilters(options.filters);
    const wants = (event: JournalEvent): boolean => isBetween(event, sinceNs, untilNs) && matches(event);
    const subscriber = { queue: new AsyncQueue<JournalEvent>(this.#subscriberLimit), wants };
    if (sinceNs !== undefined || untilNs !== undefined) {
      for (const event of this.#past.slice(-this.#limit)) if (wants(event)) subscriber.queue.push(event);
    }
    this.#subscribers.add(subscriber);
    return this.#listen(subscriber, this.#endAt(untilNs, subscriber.queue, signal));
  }

  async *#listen(subscriber: Subscriber, stop: () => void): AsyncGenerator<JournalEvent, void, void> {
    try {
      yield* subscriber.queue;
    } finally {
      stop();
      this.#subscribers.delete(subscriber);
    }
  }

  /** A disk that is full is no reason for a container not to start. */
  #keep(message: JournalEvent): void {
    try {
      this.#archive?.append(JSON.stringify(message));
    } catch (error) {
      this.#logger?.warn('keeping an event failed', { event: message.Action, error: messageOf(error) });
    }
  }

  #deliver(subscriber: Subscriber, event: JournalEvent): void {
    const { queue, wants } = subscriber;
    if (queue.isEnded) this.#subscribers.delete(subscriber);
    else if (wants(event)) {
      if (queue.isFull) queue.discard(new GantryError('unavailable', 'the client reads its events too slowly'));
      else queue.push(event);
    }
  }

  /** Ends the queue at `untilNs` or when `signal` aborts; gives what takes this back. */
  #endAt(untilNs: bigint | undefined, queue: AsyncQueue<JournalEvent>, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      clearTimeout(timer);
      queue.discard();
    };
    const wait = (): void => {
      if (untilNs === undefined || queue.isEnded) return;
      const leftMs = Number((untilNs - this.#clock()) / 1_000_000n);
      if (leftMs <= 0) queue.end();
      else timer = setTimeout(wait, Math.min(leftMs + 1, longestTimerMs));
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    wait();
    return () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  }

  #nextMicroseconds(): bigint {
    const now = this.#clock() / 1000n;
    this.#lastMicroseconds = now > this.#lastMicroseconds ? now : this.#lastMicroseconds + 1n;
    return this.#lastMicroseconds;
  }
}

function isBetween(event: JournalEvent, sinceNs: bigint | undefined, untilNs: bigint | undefined): boolean {
  // Exact: the number has no digits below the microsecond.
  const timeNs = BigInt(Math.round(event.timeNano / 1000)) * 1000n;
  return (sinceNs === undefined || timeNs >= sinceNs) && (untilNs === undefined || timeNs <= untilNs);
}

function toMessage(event: NewEvent, microseconds: bigint): JournalEvent {
  const entries = Object.entries(event.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...legacyFields(event),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actorId, Attributes: Object.fromEntries(entries) },
    scope: 'local',
    time: Number(microseconds / 1_000_000n),
    timeNano: Number(microseconds * 1000n),
  };
}

/** Empty ones are left out. */
function legacyFields({ type, action, actorId, attributes }: NewEvent): Pick<JournalEvent, 'status' | 'id' | 'from'> {
  if (type !== 'image' && type !== 'container') return {};
  const from = type === 'container' ? attributes?.['image'] : undefined;
  return { status: action, ...(actorId === '' ? {} : { id: actorId }), ...(from ? { from } : {}) };
}
