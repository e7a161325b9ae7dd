/**
 * The closed set of failures that cross a room's border. The server maps `kind` to an HTTP status in one table;
 * `message` is what the user reads, so it names the value that was tried and the state that refused it, never a secret.
 */
export type ErrorKind =
  | 'invalid' // the request cannot be right: 400
  | 'unauthorized' // credentials are missing or refused: 401
  | 'forbidden' // understood and refused: 403
  | 'notFound' // no such object: 404
  | 'conflict' // the object's state refuses: 409
  | 'notModified' // it already is so: 304
  | 'internal' // our fault, or the kernel's: 500
  | 'notImplemented' // not there yet, and says so: 501
  | 'unavailable' // try later, or another daemon: 503
  | 'cancelled'; // the caller went away: 499, never seen by it

export interface ErrorDetails {
  /** What to do next, one sentence, shown after the message by clients that show hints. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one error class that rooms throw on purpose; anything else that escapes is a defect and becomes `internal`. */
export class GantryError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GantryError';
    this.kind = kind;
    this.hint = details.hint;
  }
}

/** Whether `error` is a GantryError of the given kind. */
export function isKind(error: unknown, kind: ErrorKind): error is GantryError {
  return error instanceof GantryError && error.kind === kind;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether `error` is a Node system error with the given code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
