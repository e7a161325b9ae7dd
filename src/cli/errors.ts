import { GantryError } from '../base/index.ts';

/** Ends the command with a status and, unless it is empty, a text on standard error. */
export class ExitError extends Error {
  readonly status: number;

  constructor(status: number, message = '', options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'ExitError';
    this.status = status;
  }
}

/** The text of anything thrown, and the hint under it when there is one. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = error instanceof GantryError ? error.hint : undefined;
  return hint === undefined ? error.message : `${error.message}\n${hint}`;
}
