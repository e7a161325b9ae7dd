import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { GantryError } from '../base/index.ts';

/** The longest JSON body that is read. Docker sets none; create bodies are some kilobytes. */
export const longestBodyBytes = 16 * 1024 * 1024;

/** Whether the headers announce a body. */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Throws `invalid` when the body is announced as something else than JSON. */
export function requireJson(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'] ?? '';
  const mediaType = type.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return;
  throw new GantryError('invalid', `unsupported Content-Type header (${type}): must be 'application/json'`);
}

/** Reads a body to its end. Throws `invalid` when it is longer than `longestBodyBytes`. */
export async function readBody(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const chunk of chunks) {
    lengthBytes += chunk.length;
    if (lengthBytes > longestBodyBytes) throw bodyTooLong();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/**
 * A body piece by piece; one is valid until the next is asked for. Who stops reading still can answer: what is left is thrown
 * away as it comes.
 */
export async function* streamBody(request: IncomingMessage): AsyncGenerator<Uint8Array, void> {
  const pieces: Uint8Array[] = [];
  const state: { isOver: boolean; failure?: Error; wake?: () => void } = { isOver: request.readableEnded };
  const take = (piece: Uint8Array): void => {
    pieces.push(piece);
    request.pause();
    state.wake?.();
  };
  const finish = (failure?: Error): void => {
    state.failure ??= failure;
    state.isOver = true;
    state.wake?.();
  };
  const end = (): void => finish();
  const close = (): void =>
    finish(request.complete ? undefined : new Error('the connection was closed in the middle of a body'));
  request.on('data', take).on('end', end).on('error', finish).on('close', close);
  try {
    for (;;) {
      const piece = pieces.shift();
      if (piece !== undefined) {
        yield piece;
        release(piece);
      } else if (state.isOver) break;
      else {
        await new Promise<void>((resolve) => {
          state.wake = resolve;
          request.resume();
        });
      }
    }
    if (state.failure !== undefined) throw state.failure;
  } finally {
    request.off('data', take).off('end', end).off('close', close).resume();
  }
}

/** Gives a piece's memory back at once: the collector lets a hundred megabytes of them pile up. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** The refusal of a body that is longer than `longestBodyBytes`. */
export function bodyTooLong(): GantryError {
  return new GantryError('invalid', `the request's body is longer than ${longestBodyBytes} bytes`);
}
