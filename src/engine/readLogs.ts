import type { HubChunk } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { openLogReader, renderEntry } from '../logs/index.ts';

import type { EngineParts } from './parts.ts';

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps?: boolean;
  readonly details?: boolean;
  readonly sinceNs?: bigint | undefined;
  readonly untilNs?: bigint | undefined;
  readonly tail?: number | undefined;
}

export interface LogSession {
  readonly tty: boolean;
  readonly output: AsyncIterable<HubChunk>;
  close(): void;
}

type Parts = Pick<EngineParts, 'containers' | 'dataPaths' | 'live'>;

/** GET /containers/{id}/logs. */
export async function readLogs(parts: Parts, ref: string, options: LogOptions): Promise<LogSession> {
  return openLog(parts, parts.containers.find(ref), options);
}

/** The log of a container as its clients get it; a follower of a container that does not run ends with what there is. */
export function openLog(
  { dataPaths, live }: Pick<Parts, 'dataPaths' | 'live'>,
  record: ContainerRecord,
  options: LogOptions,
): LogSession {
  const { Type: driver = 'json-file', Config: config = {} } = record.hostConfig.LogConfig ?? {};
  const reader = openLogReader({ driver, options: config, path: dataPaths.container(record.id).log });
  const stop = new AbortController();
  const follow = options.follow && live.get(record.id) !== undefined;
  const { sinceNs, untilNs, tail } = options;
  const entries = reader.read({ follow, sinceNs, untilNs, tail }, stop.signal);
  const render = { timestamps: options.timestamps === true, details: options.details === true };
  return {
    tty: record.config.Tty === true,
    output: rendered(),
    close: () => stop.abort(),
  };

  async function* rendered(): AsyncGenerator<HubChunk> {
    for await (const entry of entries) {
      if (entry.stream === 'stdout' ? !options.stdout : !options.stderr) continue;
      yield { stream: entry.stream, data: renderEntry(entry, render) };
    }
  }
}
