/** What handlers take and give. They never see sockets or responses. */
import type { IncomingHttpHeaders } from 'node:http';

import type { Logger } from '../base/index.ts';
import type { StreamSession } from './backends.ts';
import type { OutputTarget } from './output.ts';
import type { ApiVersion } from './versions.ts';

/** A request whose path, version and parameter have been read. */
export interface ApiRequest {
  readonly version: ApiVersion;
  /** The path's one parameter, decoded; empty for routes without one. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The client came by TCP, not by a unix socket. */
  readonly isFromNetwork: boolean;
  /** Aborted when the client has gone or the server ends its streams. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** The body as text, for bodies that are JSON; undefined when there is none. Throws `invalid` for another type. */
  jsonBody(): Promise<string | undefined>;
  /**
   * The body as it comes, of any length and type. To be read once; a rest that is not read is thrown away. A chunk is valid until
   * the next one is asked for.
   */
  streamBody(): AsyncIterable<Uint8Array>;
}

/** Where a streamed answer goes. */
export interface AnswerStream extends OutputTarget {
  /** Sends the status and the headers; the first write does so too. From then on errors can only be told in the body. */
  start(): void;
  readonly started: boolean;
  /** Sends; resolves when the client's side of the connection has taken all of it, or has gone: `data` can be used anew. */
  send(data: Uint8Array): Promise<void>;
}

/** What an answer carries besides the headers of all. */
export type ReplyHeaders = Readonly<Record<string, string>>;

export type Reply =
  | { readonly kind: 'empty'; readonly status: 200 | 201 | 204; readonly headers?: ReplyHeaders }
  | { readonly kind: 'json'; readonly status: 200 | 201; readonly body: unknown }
  | { readonly kind: 'ping'; readonly body: string }
  | {
      readonly kind: 'stream';
      readonly contentType: string;
      readonly headers?: ReplyHeaders;
      run(stream: AnswerStream): Promise<void>;
    }
  | { readonly kind: 'hijack'; readonly tty: boolean; readonly session: StreamSession }
  /**
   * The head is sent before the session is opened, not with its first bytes: clients that read the head through a buffer and
   * the stream beside it (docker-py) lose what comes together with the head. `open` does not fail.
   */
  | { readonly kind: 'earlyHijack'; readonly tty: boolean; readonly open: () => Promise<StreamSession> }
  /** `text`: messages are text, not binary. */
  | { readonly kind: 'webSocket'; readonly text: boolean; readonly session: StreamSession };

export type Handler = (request: ApiRequest) => Promise<Reply>;

export const noContent: Reply = { kind: 'empty', status: 204 };

/** A JSON answer with status 200. */
export function ok(body: unknown): Reply {
  return { kind: 'json', status: 200, body };
}

/** A JSON answer with status 201. */
export function created(body: unknown): Reply {
  return { kind: 'json', status: 201, body };
}
