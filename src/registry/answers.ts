import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { GantryError } from '../base/index.ts';
import type { ErrorKind } from '../base/index.ts';
import { familiar, familiarName } from '../oci/index.ts';
import type { Reference } from '../oci/index.ts';
import { parseChallenges } from './challenge.ts';
import { RequestFailure } from './failure.ts';

/** Largest error document that is read. */
export const errorLimitBytes = 64 * 1024;
const messageLengthMax = 500;
export const loginHint = "Check the name, or log in with 'docker login' and an account that may pull it.";

interface RegistryError {
  readonly code: string;
  readonly message: string;
}

function printable(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text
    .slice(0, messageLengthMax)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The first error of an error document (distribution spec, "Error Codes"), or of a token server's own form. */
export function parseErrorBody(body: Uint8Array): RegistryError | undefined {
  try {
    const document: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    if (typeof document !== 'object' || document === null) return undefined;
    const first: unknown = 'errors' in document && Array.isArray(document.errors) ? document.errors[0] : document;
    if (typeof first !== 'object' || first === null) return undefined;
    const { code, message, details } = first as { code?: unknown; message?: unknown; details?: unknown };
    return { code: printable(code), message: printable(message) || printable(details) };
  } catch {
    return undefined;
  }
}

/** Docker's words where the registry gives a code without a message. */
const defaultMessages: Readonly<Record<string, string>> = {
  DENIED: 'requested access to the resource is denied',
  UNAUTHORIZED: 'authentication required',
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_UNKNOWN: 'repository name not known to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
};

/** What kind of failure a code is, and what Docker puts in front of it. */
const meanings: Readonly<
  Record<string, { readonly kind: ErrorKind; readonly prefix: (reference: Reference) => string }>
> = {
  DENIED: {
    kind: 'notFound',
    prefix: (reference) =>
      `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': `,
  },
  MANIFEST_UNKNOWN: { kind: 'notFound', prefix: (reference) => `manifest for ${familiar(reference)} not found: ` },
  NAME_UNKNOWN: { kind: 'notFound', prefix: (reference) => `repository ${familiarName(reference)} not found: ` },
  BLOB_UNKNOWN: { kind: 'notFound', prefix: () => '' },
  UNAUTHORIZED: { kind: 'unauthorized', prefix: () => '' },
  TOOMANYREQUESTS: { kind: 'unavailable', prefix: () => '' },
};

/** The failure that a registry's error code stands for, worded as Docker words it. */
export function codedError(code: string, message: string, reference: Reference): GantryError {
  const meaning = meanings[code];
  const text = `${code.toLowerCase().replaceAll('_', ' ')}: ${message || (defaultMessages[code] ?? 'unknown error')}`;
  const login = code === 'DENIED' || code === 'UNAUTHORIZED';
  return new GantryError(meaning?.kind ?? 'unavailable', `${meaning?.prefix(reference) ?? ''}${text}`, {
    hint: login ? loginHint : undefined,
  });
}

/** OAuth 2.0's reasons in a challenge stand above the body's code, as distribution's client reads them. */
function oauthCode(response: IncomingMessage): string | undefined {
  const bearer = parseChallenges(response.headers['www-authenticate'] ?? '').find(({ scheme }) => scheme === 'bearer');
  if (bearer?.parameters['error'] === 'insufficient_scope') return 'DENIED';
  return bearer?.parameters['error'] === 'invalid_token' ? 'UNAUTHORIZED' : undefined;
}

function statusCodeName(status: number, what: 'manifest' | 'blob'): string | undefined {
  if (status === 401) return 'UNAUTHORIZED';
  if (status === 403) return 'DENIED';
  if (status === 404) return what === 'manifest' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN';
  return status === 429 ? 'TOOMANYREQUESTS' : undefined;
}

/** Milliseconds that a Retry-After header asks for (RFC 9110, section 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** Whether a status says that the server has trouble of its own, or too much to do, rather than anything about the request. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The failure that an answer with a status other than success means. */
export function answerFailure(
  response: IncomingMessage,
  body: Uint8Array,
  reference: Reference,
  what: 'manifest' | 'blob',
  nowMs: number,
): RequestFailure {
  const status = response.statusCode ?? 0;
  const wait = retryAfterMs(response.headers['retry-after'], nowMs);
  const traits = { transient: isTransientStatus(status), ...(wait !== undefined && { retryAfterMs: wait }) };
  const given = parseErrorBody(body);
  const oauth = status === 401 ? oauthCode(response) : undefined;
  if (oauth !== undefined)
    return new RequestFailure(codedError(oauth, oauth === given?.code ? given.message : '', reference), traits);
  const code = given?.code === '' || given === undefined ? statusCodeName(status, what) : given.code;
  if (code !== undefined && status < 500)
    return new RequestFailure(codedError(code, given?.message ?? '', reference), traits);
  const text = `received unexpected HTTP status: ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  return new RequestFailure(new GantryError('unavailable', text), traits);
}
