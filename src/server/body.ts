import type { IncomingHttpHeaders } from 'node:http';

import { GantryError, hasCode } from '../base/index.ts';

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

/** Reads a body to its end. Throws `invalid` when it is longer than `longestBodyBytes`, or the client goes before its end. */
export async function readBody(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  try {
    return await readBounded(chunks);
  } catch (error) {
    if (!hasCode(error, 'ECONNRESET')) throw error;
    throw new GantryError('invalid', 'the client went before the end of its request', { cause: error });
  }
}

async function readBounded(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const chunk of chunks) {
    lengthBytes += chunk.length;
    if (lengthBytes > longestBodyBytes) throw bodyTooLong();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** The refusal of a body that is longer than `longestBodyBytes`. */
export function bodyTooLong(): GantryError {
  return new GantryError('invalid', `the request's body is longer than ${longestBodyBytes} bytes`);
}
