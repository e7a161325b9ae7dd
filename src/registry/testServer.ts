import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

import { silentLogger } from '../base/index.ts';
import { createRegistryClient } from './index.ts';
import type { BlobSink, RegistryClient, RegistryClientOptions } from './index.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Method and path of every request, in order. */
  readonly requests: string[];
  handle: Handler;
}

/** An HTTP server on loopback that lives as long as the test. */
export async function serve(context: TestContext, handle: Handler): Promise<TestServer> {
  const server = createServer((request, response) => {
    if (request.url !== '/v2/') state.requests.push(`${request.method} ${request.url}`);
    state.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const state: TestServer = { host: `127.0.0.1:${port}`, requests: [], handle };
  return state;
}

/** A client that does not wait between attempts; `pauses` are the waits that it would have made. */
export function impatientClient(
  context: TestContext,
  options: Partial<RegistryClientOptions> = {},
): RegistryClient & { readonly pauses: number[] } {
  const pauses: number[] = [];
  const client = createRegistryClient({
    mirrors: [],
    insecureRegistries: [],
    userAgent: 'test',
    logger: silentLogger,
    sleep: (delayMs) => {
      pauses.push(delayMs);
      return Promise.resolve();
    },
    ...options,
  });
  context.after(() => client.close());
  return Object.assign(client, { pauses });
}

/** A sink in memory, with the bytes that are there before the transfer. */
export class MemorySink implements BlobSink {
  #bytes: Buffer;
  restarts = 0;
  readonly offsetBytes: number;

  constructor(initial: string | Uint8Array = '') {
    this.#bytes = Buffer.from(initial);
    this.offsetBytes = this.#bytes.length;
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    return Promise.resolve();
  }

  restart(): Promise<void> {
    this.restarts++;
    this.#bytes = Buffer.alloc(0);
    return Promise.resolve();
  }

  get text(): string {
    return this.#bytes.toString('utf8');
  }
}

/** Answers with an error document of the distribution spec. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
