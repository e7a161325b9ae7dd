/** A registry's front that counts what is fetched and can be slow, break off or lie: what networks and mirrors do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';

export interface Fetched {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
}

export interface Misbehaviour {
  /** Blobs only: after so many bytes of the body the connection is cut. */
  readonly cutAfterBytes?: number;
  /** Blobs only: the body hangs after so many bytes until the client goes away. */
  readonly hangAfterBytes?: number;
  /** Blobs only: the first byte is changed. */
  readonly corrupt?: boolean;
}

export class RegistryProxy {
  readonly fetched: Fetched[] = [];
  /** Asked for every blob request; nothing means good behaviour. */
  misbehave: (fetched: Fetched) => Misbehaviour | undefined = () => undefined;
  readonly #upstream: string;
  readonly #server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
  #host = '';

  constructor(upstreamUrl: string) {
    this.#upstream = upstreamUrl;
  }

  get host(): string {
    return this.#host;
  }

  get url(): string {
    return `http://${this.#host}`;
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    this.#host = `127.0.0.1:${address.port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** GETs of a blob so far. */
  fetchesOf(digest: string): Fetched[] {
    return this.fetched.filter((one) => one.method === 'GET' && one.path.endsWith(digest));
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const fetched = { method: incoming.method ?? '', path: incoming.url ?? '', range: incoming.headers.range };
    this.fetched.push(fetched);
    const headers = { ...incoming.headers, host: new URL(this.#upstream).host };
    const onward = httpRequest(new URL(fetched.path, this.#upstream), { method: fetched.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      const isBlob = fetched.method === 'GET' && fetched.path.includes('/blobs/');
      relay(answer, outgoing, (isBlob && this.misbehave(fetched)) || {});
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    onward.end();
  }
}

function relay(answer: IncomingMessage, outgoing: ServerResponse, how: Misbehaviour): void {
  const limit = how.cutAfterBytes ?? how.hangAfterBytes ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  answer.on('data', (chunk: Buffer) => {
    if (sent >= limit) return;
    const part = chunk.subarray(0, limit - sent);
    if (how.corrupt && sent === 0 && part.length > 0) part[0] = (part[0] ?? 0) ^ 0xff;
    sent += part.length;
    outgoing.write(part, () => {
      if (sent >= limit && how.cutAfterBytes !== undefined) outgoing.destroy();
    });
  });
  answer.on('end', () => {
    if (sent < limit) outgoing.end();
  });
  answer.on('error', () => outgoing.destroy());
}
