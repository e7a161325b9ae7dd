import { formatFixedNano } from '../base/index.ts';
import type { LogEntry } from './types.ts';

export interface RenderOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** Bytes for a client; lines of one stream that follow each other come as one chunk. */
export interface RenderedChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

const largestChunkBytes = 64 * 1024;

/** Entries as a client shall see them: the streams it asked for, with time and attributes in front of each line if it wants them. */
export async function* renderLog(
  batches: AsyncIterable<readonly LogEntry[]>,
  options: RenderOptions,
): AsyncGenerator<RenderedChunk, void, void> {
  const renderer = new Renderer(options);
  for await (const batch of batches) yield* renderer.render(batch);
}

class Renderer {
  readonly #options: RenderOptions;
  #timeNs = -1n;
  #timeText = Buffer.alloc(0);

  constructor(options: RenderOptions) {
    this.#options = options;
  }

  *render(entries: readonly LogEntry[]): Generator<RenderedChunk, void, void> {
    let stream: 'stdout' | 'stderr' = 'stdout';
    let parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const entry of entries) {
      if (!this.#options[entry.stream]) continue;
      if (sizeBytes > 0 && (entry.stream !== stream || sizeBytes >= largestChunkBytes)) {
        yield { stream, data: Buffer.concat(parts) };
        parts = [];
        sizeBytes = 0;
      }
      stream = entry.stream;
      if (this.#options.timestamps) parts.push(this.#time(entry.timeNs));
      if (this.#options.details) parts.push(Buffer.from(`${renderAttributes(entry.attributes ?? {})} `));
      parts.push(entry.data);
      sizeBytes += entry.data.length;
    }
    if (parts.length > 0) yield { stream, data: Buffer.concat(parts) };
  }

  #time(timeNs: bigint): Buffer {
    if (timeNs !== this.#timeNs) {
      this.#timeNs = timeNs;
      this.#timeText = Buffer.from(`${formatFixedNano(timeNs)} `);
    }
    return this.#timeText;
  }
}

/** `key=value,...` in the order of the keys, escaped as in a query string. */
export function renderAttributes(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escapeQuery(key)}=${escapeQuery(value)}`)
    .join(',');
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, percent)
    .replaceAll('%20', '+');
}
