import { type ErrorKind, GantryError, messageOf } from '../base/index.ts';

/** The one table from failures to statuses. */
const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  notModified: 304,
  internal: 500,
  notImplemented: 501,
  unavailable: 503,
  cancelled: 499,
};

/** The status for anything that was thrown: what is not a GantryError is a defect, so 500. */
export function statusOf(error: unknown): number {
  return error instanceof GantryError ? statusOfKind[error.kind] : 500;
}

/** The API's ErrorResponse, with the hint beside the message that clients match on. */
export function errorBody(error: unknown): { message: string; hint?: string } {
  const hint = error instanceof GantryError ? error.hint : undefined;
  return { message: messageOf(error), ...(hint === undefined ? {} : { hint }) };
}
