import { type Clock, GantryError, messageOf, systemClock } from '../base/index.ts';
import { type AttributeChoice, chooseAttributes } from './attributes.ts';
import { CutWriter } from './cutWriter.ts';
import type { FileFormat } from './fileFormat.ts';
import { readLogFiles } from './fileReader.ts';
import { openFileSink } from './fileSink.ts';
import { journalSocket, openJournaldSink } from './journaldSink.ts';
import { jsonFormat } from './jsonFormat.ts';
import { localFormat } from './localFormat.ts';
import { LogFeed } from './logFeed.ts';
import { type LogConfig, type LogSettings, parseLogConfig } from './logConfig.ts';
import { type FileSettings, removeFiles } from './logFiles.ts';
import { NonBlockingSink } from './nonBlockingSink.ts';
import { openSyslogSink } from './syslogSink.ts';
import { renderTag } from './tag.ts';
import { TeeSink } from './teeSink.ts';
import type { ContainerLog, LogEntry, LogReadOptions, LogSink, LogSubject, LogWriter } from './types.ts';

/** Where a log's files lie, by the format that they have. The directory is the log's own and exists. */
export interface LogPaths {
  readonly json: string;
  readonly local: string;
}

export interface LogPlace {
  readonly paths: LogPaths;
  /** Asked at each opening: a container may be renamed meanwhile. */
  readonly subject: () => LogSubject;
  /** Told of what went wrong behind the back of a container that does not wait for its log. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  readonly journalSocket?: string;
  /** A receiver that takes nothing for so long is taken for gone; ten seconds unless told otherwise. */
  readonly patienceMs?: number;
}

const defaultPatienceMs = 10_000;
const defaultTag = '{{.ID}}';

/**
 * The log of one container by its configuration. A configuration that is wrong is refused by `open` and by reading, as Docker
 * does: the container is there already.
 */
export function createContainerLog(config: LogConfig | null | undefined, place: LogPlace): ContainerLog {
  try {
    return logOf(parseLogConfig(config), place);
  } catch (error) {
    return brokenLog(error);
  }
}

function logOf(settings: LogSettings, place: LogPlace): ContainerLog {
  if (settings.driver === 'none') return noLog;
  const files = filesOf(settings, place.paths);
  return files === undefined ? new UnreadableLog(settings, place) : new ReadableLog(settings, place, files);
}

/** The files that readers read. */
interface ReadFiles extends FileSettings {
  readonly path: string;
  readonly format: FileFormat;
}

function filesOf(settings: LogSettings, paths: LogPaths): ReadFiles | undefined {
  switch (settings.driver) {
    case 'json-file':
      return { ...settings.files, path: paths.json, format: jsonFormat };
    case 'local':
      return { ...settings.files, path: paths.local, format: localFormat };
    case 'none':
      return undefined;
    default:
      return settings.cache === undefined ? undefined : { ...settings.cache, path: paths.local, format: localFormat };
  }
}

/** A log that is kept in files, all of it or the copy of what goes elsewhere. */
class ReadableLog implements ContainerLog {
  readonly #settings: LogSettings;
  readonly #place: LogPlace;
  readonly #files: ReadFiles;
  readonly #feed = new LogFeed();

  constructor(settings: LogSettings, place: LogPlace, files: ReadFiles) {
    this.#settings = settings;
    this.#place = place;
    this.#files = files;
  }

  async open({ resumes } = { resumes: false }): Promise<LogWriter> {
    if (this.#feed.isOpen) throw new GantryError('conflict', `the log ${this.#files.path} is open already`);
    return initialized(async () => {
      const { driver } = this.#settings;
      const isKeptHere = driver === 'json-file' || driver === 'local';
      const sink = isKeptHere
        ? withMode(await this.#openFiles(), this.#settings, this.#place)
        : await this.#withCopy(await remoteSink(this.#settings, this.#place, resumes));
      return new CutWriter(sink, clockOf(this.#place));
    });
  }

  async *read(options: LogReadOptions, signal: AbortSignal): AsyncIterable<LogEntry> {
    for await (const batch of this.readBatches(options, signal)) yield* batch;
  }

  readBatches(options: LogReadOptions, signal: AbortSignal): AsyncIterable<readonly LogEntry[]> {
    return readLogFiles({ ...options, ...this.#files, clock: clockOf(this.#place) }, this.#feed, signal);
  }

  async remove(): Promise<void> {
    await removeFiles(this.#files.path, this.#files.maxFiles);
  }

  async #withCopy(remote: LogSink): Promise<LogSink> {
    try {
      return new TeeSink(await this.#openFiles(), remote);
    } catch (error) {
      await remote.close();
      throw error;
    }
  }

  #openFiles(): Promise<LogSink> {
    const attributes = this.#settings.driver === 'json-file' ? jsonAttributes(this.#settings, this.#place) : {};
    return openFileSink({ ...this.#files, attributes }, this.#feed);
  }
}

function jsonAttributes(
  { attributes, tag }: { readonly attributes: AttributeChoice; readonly tag: string | undefined },
  place: LogPlace,
): Record<string, string> {
  const subject = place.subject();
  const chosen = chooseAttributes(attributes, subject);
  return tag === undefined ? chosen : { ...chosen, tag: renderTag(tag, subject) };
}

/** A log that goes elsewhere, and of which no copy is kept. */
class UnreadableLog implements ContainerLog {
  readonly #settings: LogSettings;
  readonly #place: LogPlace;
  readonly read = refuseReading;
  readonly readBatches = refuseReading;

  constructor(settings: LogSettings, place: LogPlace) {
    this.#settings = settings;
    this.#place = place;
  }

  open({ resumes } = { resumes: false }): Promise<LogWriter> {
    return initialized(async () => {
      const sink = await remoteSink(this.#settings, this.#place, resumes);
      return new CutWriter(sink, clockOf(this.#place));
    });
  }

  async remove(): Promise<void> {}
}

/** The sink of a driver that keeps nothing here. */
async function remoteSink(settings: LogSettings, place: LogPlace, resumes: boolean): Promise<LogSink> {
  const subject = place.subject();
  const tag = renderTag(settings.tag ?? defaultTag, subject);
  const patienceMs = place.patienceMs ?? defaultPatienceMs;
  if (settings.driver === 'syslog') {
    return withMode(await openSyslogSink(settings.syslog, { tag, patienceMs, resumes }), settings, place);
  }
  const attributes = settings.driver === 'journald' ? chooseAttributes(settings.attributes, subject) : {};
  const socket = place.journalSocket ?? journalSocket;
  return withMode(openJournaldSink({ socket, subject, tag, attributes, patienceMs, resumes }), settings, place);
}

function withMode(sink: LogSink, { bufferBytes }: LogSettings, { onError = () => {} }: LogPlace): LogSink {
  return bufferBytes === undefined ? sink : new NonBlockingSink(sink, bufferBytes, onError);
}

function clockOf({ clock = systemClock }: LogPlace): Clock {
  return clock;
}

async function initialized<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new GantryError('internal', `failed to initialize logging driver: ${messageOf(cause)}`, { cause });
  }
}

function refuseReading(): never {
  throw new GantryError('notImplemented', 'configured logging driver does not support reading');
}

/** The driver `none`: keeps nothing, and says so to whoever asks. */
const noLog: ContainerLog = {
  open: async () => ({ write: async () => {}, close: async () => {} }),
  read: refuseReading,
  readBatches: refuseReading,
  remove: async () => {},
};

/** A log whose configuration is wrong. */
function brokenLog(error: unknown): ContainerLog {
  const refuse = (): never => {
    throw new GantryError('internal', messageOf(error), { cause: error });
  };
  return { open: () => initialized(async () => refuse()), read: refuse, readBatches: refuse, remove: async () => {} };
}
