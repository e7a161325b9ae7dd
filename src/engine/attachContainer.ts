import { GantryError, parseDetachKeys, type HubAttachOptions, type HubChunk } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';

import { announce } from './containerEvents.ts';
import { LateSession } from './lateSession.ts';
import type { EngineParts } from './parts.ts';
import { openLog } from './readLogs.ts';

type Parts = Pick<EngineParts, 'containers' | 'live' | 'journal' | 'logs'>;

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly stream: boolean;
  readonly logs: boolean;
  readonly detachKeys: string | undefined;
}

/** What an attached client gets: see the server's `StreamSession`. */
export interface AttachSession {
  readonly tty: boolean;
  readonly output: AsyncIterable<HubChunk>;
  readonly stdin: LateSession['stdin'];
  readonly dropped?: AbortSignal;
  close(): void;
}

/** The detach sequence as bytes; throws `invalid` when it cannot be parsed. */
export function detachKeysOf(typed: string | undefined): Uint8Array {
  return parseDetachKeys(typed || undefined);
}

/**
 * POST /containers/{id}/attach: the container's streams from now on, after its log if that is asked for. A container that does
 * not run yet may be attached to: its output comes when it starts. One who asks for no stream gets none, and an end at once.
 * Throws `invalid` for bad detach keys, before all else, `notFound` and `conflict`.
 */
export async function attachContainer(parts: Parts, ref: string, options: AttachOptions): Promise<AttachSession> {
  const detachKeys = detachKeysOf(options.detachKeys);
  const record = parts.containers.find(ref);
  refuseState(record, ref);
  const tty = record.config.Tty === true;
  const past = options.logs ? openLog(parts, record, { ...options, follow: false }) : undefined;
  const wantsAny = options.stdin || options.stdout || options.stderr;
  const live = options.stream && wantsAny ? openLive(parts, record, options, detachKeys) : undefined;
  announce(parts, record, 'attach');
  return {
    tty,
    output: joined(past?.output, live?.output),
    stdin: live?.stdin,
    ...(live?.dropped === undefined ? {} : { dropped: live.dropped }),
    close: () => {
      past?.close();
      live?.close();
    },
  };
}

/** Docker's answers name the container as the client did. */
function refuseState({ state }: ContainerRecord, ref: string): void {
  if (state.status === 'paused') {
    throw new GantryError('conflict', `container ${ref} is paused, unpause the container before attach`);
  }
  if (state.status === 'restarting') {
    throw new GantryError('conflict', `container ${ref} is restarting, wait until the container is running`);
  }
}

function openLive(
  parts: Parts,
  record: ContainerRecord,
  options: AttachOptions,
  detachKeys: Uint8Array,
): Omit<AttachSession, 'tty'> {
  const wants: HubAttachOptions = {
    stdin: options.stdin,
    stdout: options.stdout,
    stderr: options.stderr,
    detachKeys,
    onDetach: () => announce(parts, record, 'detach'),
  };
  const live = parts.live.get(record.id);
  if (live !== undefined) return live.hub.attach(wants);
  const session = new LateSession(record.config.Tty === true, record.config.OpenStdin === true, wants);
  parts.live.addEarly(record.id, session);
  return session;
}

async function* joined(...parts: readonly (AsyncIterable<HubChunk> | undefined)[]): AsyncGenerator<HubChunk> {
  for (const part of parts) if (part !== undefined) yield* part;
}
