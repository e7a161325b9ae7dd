import { GantryError, hasCode, messageOf, type ErrorKind } from '../base/index.ts';
import { showEndpoint, type Endpoint } from './endpoint.ts';

const kinds: Readonly<Record<number, ErrorKind>> = {
  304: 'notModified',
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  501: 'notImplemented',
  503: 'unavailable',
};

/** The daemon understood the request and answered that it failed. */
export class DaemonError extends GantryError {
  readonly status: number;
  /** The daemon's own text, without what `message` puts in front. */
  readonly detail: string;

  constructor(status: number, detail: string, hint?: string) {
    super(kinds[status] ?? 'internal', `Error response from daemon: ${detail}`, hint === undefined ? {} : { hint });
    this.name = 'DaemonError';
    this.status = status;
    this.detail = detail;
  }
}

function textField(body: object, name: string): string | undefined {
  const value: unknown = Reflect.get(body, name);
  return typeof value === 'string' ? value : undefined;
}

/** The error that an answer's status and body mean. The API's form is `{"message": "..."}`; other bodies are shown as they are. */
export function daemonError(status: number, body: string): DaemonError {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) {
      const message = textField(parsed, 'message');
      if (message !== undefined) return new DaemonError(status, message, textField(parsed, 'hint'));
    }
  } catch {
    // Not JSON: some proxy in between answered.
  }
  return new DaemonError(status, body.trim() === '' ? `status ${status} without a message` : body.trim());
}

const absentCodes = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];

/** The error for a socket that could not be connected. */
export function connectError(endpoint: Endpoint, cause: unknown): GantryError {
  const host = showEndpoint(endpoint);
  if (hasCode(cause, 'EACCES') || hasCode(cause, 'EPERM')) {
    return new GantryError('forbidden', `permission denied while trying to connect to the Gantry daemon at ${host}`, {
      hint: "Run as root, or join the group that owns the socket ('ls -l' shows it).",
      cause,
    });
  }
  if (absentCodes.some((code) => hasCode(cause, code))) {
    return new GantryError(
      'unavailable',
      `Cannot connect to the Gantry daemon at ${host}. Is the gantry daemon running?`,
      { hint: "Start it with 'gantryd' as root, or name another one with -H, GANTRY_HOST or DOCKER_HOST.", cause },
    );
  }
  return new GantryError('unavailable', `error during connect to ${host}: ${messageOf(cause)}`, { cause });
}
