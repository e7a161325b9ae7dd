/** The Engine API over a daemon's socket without any client library: plain requests, streams, and hijacked connections. */
import { type IncomingHttpHeaders, type RequestOptions, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; what it is, the test knows. */
  json(): unknown;
}

export interface RequestSettings {
  /** Sent as JSON when it is an object, as it is when a string. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Called when the head of the answer has come. */
  readonly onHead?: () => void;
}

/** One request and its whole answer. `host` is as in DOCKER_HOST. */
export function request(host: string, method: string, path: string, settings: RequestSettings = {}): Promise<Answer> {
  const body = bodyText(settings.body);
  const headers = {
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` }),
    ...settings.headers,
  };
  return new Promise((resolve, reject) => {
    const call = httpRequest({ ...target(host), method, path, headers, agent: false }, (response) => {
      settings.onHead?.();
      text(response).then((content) => {
        const json = (): unknown => JSON.parse(content);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: content, json });
      }, reject);
    });
    const timeoutMs = settings.timeoutMs ?? 30_000;
    call.setTimeout(timeoutMs, () => call.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs} ms`)));
    call.on('error', reject);
    call.end(body);
  });
}

function bodyText(body: unknown): string | undefined {
  if (body === undefined || typeof body === 'string') return body;
  return JSON.stringify(body);
}

function target(host: string): RequestOptions {
  const url = new URL(host);
  if (url.protocol === 'unix:') return { socketPath: url.pathname };
  return { host: url.hostname, port: url.port };
}

/** A connection that HTTP has left: the head of the answer, then raw bytes both ways. */
export interface Hijacked {
  readonly head: string;
  readonly socket: Socket;
  /** Everything after the head, until the daemon ends its half. */
  rest(): Promise<Buffer>;
}

/** Sends a request by hand and gives the connection once the answer's head has come. */
export async function hijack(
  host: string,
  path: string,
  settings: { upgrade: boolean; body?: unknown },
): Promise<Hijacked> {
  const socket = await open(host);
  const body = bodyText(settings.body) ?? '';
  const upgrade = settings.upgrade ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : '';
  const type = body === '' ? '' : 'Content-Type: application/json\r\n';
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: test\r\n${upgrade}${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const received: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket
      .on('end', resolve)
      .on('close', () => resolve())
      .on('error', reject);
  });
  const head = await new Promise<string>((resolve, reject) => {
    let hasHead = false;
    socket.on('data', (data: Buffer) => {
      received.push(data);
      if (hasHead) return;
      const all = Buffer.concat(received);
      const end = all.indexOf('\r\n\r\n');
      hasHead = end >= 0;
      if (hasHead) resolve(all.subarray(0, end).toString());
    });
    ended.then(() => reject(new Error(`the connection ended before an answer to ${path}`)), reject);
  });
  const rest = async () => {
    await ended;
    const all = Buffer.concat(received);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  };
  return { head, socket, rest };
}

function open(host: string): Promise<Socket> {
  const url = new URL(host);
  const options = url.protocol === 'unix:' ? { path: url.pathname } : { host: url.hostname, port: Number(url.port) };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, allowHalfOpen: true }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Takes a multiplexed stream apart (8-byte heads: stream, three zeros, big-endian length). */
export function demultiplex(stream: Buffer): { stdout: string; stderr: string } {
  const parts: Record<number, Buffer[]> = { 1: [], 2: [] };
  for (let at = 0; at + 8 <= stream.length;) {
    const length = stream.readUInt32BE(at + 4);
    parts[stream[at] ?? 0]?.push(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(parts[1] ?? []).toString(), stderr: Buffer.concat(parts[2] ?? []).toString() };
}
