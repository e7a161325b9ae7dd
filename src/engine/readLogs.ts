import type { HubChunk } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { renderLog } from '../logs/index.ts';

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

type Parts = Pick<EngineParts, 'containers' | 'logs' | 'live'>;

/** GET /containers/{id}/logs. */
export async function readLogs(parts: Parts, ref: string, options: LogOptions): Promise<LogSession> {
  return openLog(parts, parts.containers.find(ref), options);
}

/** The log of a container as its clients get it; a follower of a container that does not run ends with what there is. */
export function openLog(
  { logs, live }: Pick<Parts, 'logs' | 'live'>,
  record: ContainerRecord,
  options: LogOptions,
): LogSession {
  const stop = new AbortController();
  const follow = options.follow && live.get(record.id) !== undefined;
  const { sinceNs, untilNs, tail, stdout, stderr, timestamps = false, details = false } = options;
  const batches = logs.of(record).readBatches({ follow, sinceNs, untilNs, tail }, stop.signal);
  return {
    tty: record.config.Tty === true,
    output: renderLog(batches, { stdout, stderr, timestamps, details }),
    close: () => stop.abort(),
  };
}
