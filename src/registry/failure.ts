import { GantryError } from '../base/index.ts';

/**
 * Why one request failed, with what the callers need to go on: whether another attempt may help, and whether the registry
 * was reached at all. `error` is what the user gets in the end.
 */
export class RequestFailure extends Error {
  readonly error: GantryError;
  /** Worth another attempt at the same endpoint. */
  readonly transient: boolean;
  /** No HTTP answer came. */
  readonly unreachable: boolean;
  /** The registry asked to wait so long. */
  readonly retryAfterMs: number | undefined;

  constructor(
    error: GantryError,
    traits: { readonly transient?: boolean; readonly unreachable?: boolean; readonly retryAfterMs?: number } = {},
  ) {
    super(error.message, { cause: error });
    this.error = error;
    this.transient = traits.transient ?? false;
    this.unreachable = traits.unreachable ?? false;
    this.retryAfterMs = traits.retryAfterMs;
  }
}

/** The error of a transfer that its caller gave up. */
export function cancelled(): GantryError {
  return new GantryError('cancelled', 'context canceled');
}

/** A kept connection that the server has closed meanwhile, or a cut one. What cannot be reached at all is told at once. */
const transientCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
const insecureHint = 'Trust its certificate, or list the registry under insecure-registries.';

/** Go's words for what went wrong below HTTP, as scripts match on them. */
const wording: Readonly<Record<string, (host: string, address: string) => string>> = {
  ENOTFOUND: (host) => `dial tcp: lookup ${host}: no such host`,
  EAI_AGAIN: (host) => `dial tcp: lookup ${host}: server misbehaving`,
  ECONNREFUSED: (_, address) => `dial tcp ${address}: connect: connection refused`,
  EHOSTUNREACH: (_, address) => `dial tcp ${address}: connect: no route to host`,
  ENETUNREACH: (_, address) => `dial tcp ${address}: connect: network is unreachable`,
  ETIMEDOUT: (_, address) => `dial tcp ${address}: i/o timeout`,
  ECONNRESET: () => 'connection reset by peer',
  EPROTO: () => 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'http: server gave HTTP response to HTTPS client',
  DEPTH_ZERO_SELF_SIGNED_CERT: () => untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: () => untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => untrusted,
  CERT_HAS_EXPIRED: () => 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  ERR_TLS_CERT_ALTNAME_INVALID: (host) =>
    `tls: failed to verify certificate: x509: certificate is not valid for ${host}`,
};

function innermost(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors[0] as unknown) : error;
}

function detailsOf(error: unknown): { readonly code: string; readonly address: string | undefined } {
  if (!(error instanceof Error)) return { code: '', address: undefined };
  const { code = '', address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (address === undefined) return { code, address };
  return { code, address: `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}` };
}

function hintFor(code: string, host: string): string | undefined {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `Check the name ${host} and this machine's DNS.`;
  const encryption = code === 'EPROTO' || /CERT|SSL|LEAF_SIGNATURE/.test(code);
  return encryption ? insecureHint : undefined;
}

/** What a request that got no answer, or lost its connection, means. `url` is the registry's own: it goes into the text. */
export function connectionFailure(cause: unknown, url: URL, unreachable: boolean): RequestFailure {
  const inner = innermost(cause);
  const { code, address } = detailsOf(inner);
  const word = Object.hasOwn(wording, code) ? wording[code] : undefined;
  const why =
    word?.(url.hostname, address ?? url.host) ?? (inner instanceof Error ? inner.message : 'connection failed');
  const error = new GantryError('unavailable', `Get "${url.origin}/v2/": ${why}`, {
    hint: hintFor(code, url.hostname),
    cause,
  });
  return new RequestFailure(error, { transient: transientCodes.has(code), unreachable });
}
