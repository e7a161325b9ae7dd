import type { Logger } from '../base/index.ts';
import type { Descriptor, Reference } from '../oci/index.ts';

/** Credentials for one registry, as the Engine API's X-Registry-Auth carries them. Secrets: never logged, never in an error. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** `username:password` in base64, as some clients send instead of the two. */
  readonly auth?: string;
  /** A refresh token, exchanged for access tokens. */
  readonly identitytoken?: string;
  /** A ready bearer token. */
  readonly registrytoken?: string;
}

export interface RequestOptions {
  readonly auth?: RegistryAuth;
  readonly signal?: AbortSignal;
}

export interface BlobOptions extends RequestOptions {
  /** Bytes of the blob that are there now, after every piece; may go back to 0 when a transfer starts over. */
  readonly onProgress?: (currentBytes: number) => void;
}

/** Where a blob's bytes go. The content store's writer is one: it verifies the digest when it commits. */
export interface BlobSink {
  /** Bytes already there when the fetch begins. */
  readonly offsetBytes: number;
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what is there: the next byte written is byte 0. */
  restart(): Promise<void>;
}

/** A manifest or an index as it was served: `bytes` have the descriptor's digest and size. */
export interface ResolvedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/**
 * Reads from registries (OCI distribution spec, "Pull"). Every method is safe to call at the same time. Failures are
 * GantryErrors: `notFound` (no such manifest or repository, or access denied, in Docker's words), `unauthorized`,
 * `invalid` (the answer is not what the digest or size promises), `unavailable` (cannot be reached, or only server
 * errors), `cancelled` (the signal). What a caller's sink throws is passed on as it is.
 */
export interface RegistryClient {
  /** Fetches what a tag (`latest` when there is none) or a digest names; a digest wins over a tag. */
  resolve(reference: Reference, options?: RequestOptions): Promise<ResolvedManifest>;
  /** Fetches a manifest by digest, verified, at most 4 MiB. */
  fetchManifest(
    reference: Reference,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    options?: RequestOptions,
  ): Promise<Buffer>;
  /**
   * Fetches a blob into `sink` from its offset on, with retries and resumption; resolves when exactly `descriptor.size`
   * bytes are there. The sink checks the digest.
   */
  fetchBlob(
    reference: Reference,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    sink: BlobSink,
    options?: BlobOptions,
  ): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}

/** Time limits and retries; the defaults suit the internet. */
export interface RegistryLimits {
  /** Without a byte for so long, a request counts as cut off. */
  readonly idleTimeoutMs: number;
  /** Attempts at one piece of content in a row without progress. */
  readonly attemptsMax: number;
  /** Pause before the second attempt; doubled for each further one. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** A registry that asks to wait longer than this has refused. */
  readonly retryAfterMaxMs: number;
}

export interface RegistryClientOptions {
  /** Base URLs that are asked before Docker Hub, in this order: `https://mirror.example/path`. */
  readonly mirrors: readonly string[];
  /** `host`, `host:port` or CIDR: plain HTTP and unverified certificates are accepted there. Loopback always is. */
  readonly insecureRegistries: readonly string[];
  readonly userAgent: string;
  readonly logger: Logger;
  /** Milliseconds since the epoch; for the expiry of tokens. */
  readonly now?: () => number;
  readonly limits?: Partial<RegistryLimits>;
  /** Pauses between attempts. */
  readonly sleep?: (delayMs: number, signal: AbortSignal | undefined) => Promise<void>;
}

export const defaultLimits: RegistryLimits = {
  idleTimeoutMs: 60_000,
  attemptsMax: 5,
  backoffMs: 500,
  backoffMaxMs: 15_000,
  retryAfterMaxMs: 30_000,
};
