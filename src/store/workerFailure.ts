import { GantryError, messageOf, type ErrorKind } from '../base/index.ts';

/** An error on its way from a worker thread to the daemon's main one. */
export interface WorkerFailure {
  readonly kind: ErrorKind;
  readonly message: string;
  /** Of a system error. */
  readonly code?: string | undefined;
}

/** What is told of anything that was thrown. */
export function failureOf(error: unknown): WorkerFailure {
  if (error instanceof GantryError) return { kind: error.kind, message: error.message };
  if (error instanceof Error && error.name === 'AbortError')
    return { kind: 'cancelled', message: 'the work was cancelled' };
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return { kind: 'internal', message: messageOf(error), code };
}

/** The error again; that of a system error is its cause. */
export function errorOf({ kind, message, code }: WorkerFailure): GantryError {
  if (code === undefined) return new GantryError(kind, message);
  const cause: NodeJS.ErrnoException = new Error(message);
  cause.code = code;
  return new GantryError(kind, message, { cause });
}
