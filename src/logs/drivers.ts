import { type Clock, GantryError, systemClock } from '../base/index.ts';
import { readJsonFileLog } from './jsonFileReader.ts';
import { type JsonFileOptions, openJsonFileWriter } from './jsonFileWriter.ts';
import { removeFiles } from './logFiles.ts';
import { LogFeed } from './logFeed.ts';
import { logAttributes, type LogSettings, type LogSubject } from './options.ts';
import type { ContainerLog, LogEntry, LogReadOptions, LogWriter } from './types.ts';

/** The log of one container by its settings. `path` is a file in a directory that the log has to itself and that exists. */
export function createContainerLog(
  settings: LogSettings,
  place: { readonly path: string; readonly subject: LogSubject; readonly clock?: Clock },
): ContainerLog {
  if (settings.driver === 'none') return noLog;
  const { maxSizeBytes, maxFiles, compress } = settings;
  const attributes = logAttributes(settings, place.subject);
  const clock = place.clock ?? systemClock;
  return new JsonFileLog({ path: place.path, maxSizeBytes, maxFiles, compress, attributes, clock });
}

class JsonFileLog implements ContainerLog {
  readonly path: string;
  readonly #options: JsonFileOptions;
  readonly #feed = new LogFeed();

  constructor(options: JsonFileOptions) {
    this.path = options.path;
    this.#options = options;
  }

  async open(): Promise<LogWriter> {
    if (this.#feed.isOpen) throw new GantryError('conflict', `the log ${this.path} is open already`);
    return openJsonFileWriter(this.#options, this.#feed);
  }

  async *read(options: LogReadOptions, signal: AbortSignal): AsyncIterable<LogEntry> {
    for await (const batch of this.readBatches(options, signal)) yield* batch;
  }

  readBatches(options: LogReadOptions, signal: AbortSignal): AsyncIterable<readonly LogEntry[]> {
    return readJsonFileLog({ ...options, path: this.path, maxFiles: this.#options.maxFiles }, this.#feed, signal);
  }

  async remove(): Promise<void> {
    await this.#feed.exclusively(() => removeFiles(this.path, this.#options.maxFiles));
  }
}

function refuseReading(): never {
  throw new GantryError('notImplemented', 'configured logging driver does not support reading');
}

/** The driver `none`: keeps nothing, and says so to whoever asks. */
const noLog: ContainerLog = {
  path: '',
  open: async () => ({ write: async () => {}, close: async () => {} }),
  read: refuseReading,
  readBatches: refuseReading,
  remove: async () => {},
};
