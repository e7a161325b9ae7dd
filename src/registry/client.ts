import type { IncomingMessage } from 'node:http';

import { GantryError } from '../base/index.ts';
import type { Logger } from '../base/index.ts';
import {
  digestOf,
  isDigest,
  manifestLimitBytes,
  mediaTypes,
  parseManifestDocument,
  withDefaultTag,
} from '../oci/index.ts';
import type { Descriptor, Reference } from '../oci/index.ts';
import { answerFailure, errorLimitBytes } from './answers.ts';
import { Authorizer } from './authorizer.ts';
import { BlobTransfer } from './blob.ts';
import type { Endpoint } from './endpoints.ts';
import { Endpoints } from './endpoints.ts';
import { RequestFailure } from './failure.ts';
import { pause, withRetries } from './retry.ts';
import type { Sleep } from './retry.ts';
import { discard, Transport } from './transport.ts';
import { defaultLimits } from './types.ts';
import type {
  BlobOptions,
  BlobSink,
  RegistryClient,
  RegistryClientOptions,
  RegistryLimits,
  RequestOptions,
  ResolvedManifest,
} from './types.ts';

type Expected = Pick<Descriptor, 'digest' | 'size'>;

const acceptedManifests = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
].join(', ');
const probeTimeoutMs = 5000;

interface Question {
  readonly endpoint: Endpoint;
  readonly reference: Reference;
  readonly what: 'manifest' | 'blob';
  /** A tag or a digest. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly options: RequestOptions;
}

class DistributionClient implements RegistryClient {
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #endpoints: Endpoints;
  readonly #limits: RegistryLimits;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #sleep: Sleep;

  constructor(options: RegistryClientOptions) {
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#logger = options.logger;
    this.#now = options.now ?? Date.now;
    this.#sleep = options.sleep ?? pause;
    this.#transport = new Transport(options.userAgent, this.#limits.idleTimeoutMs);
    this.#authorizer = new Authorizer(this.#transport, this.#now);
    this.#endpoints = new Endpoints(options.mirrors, options.insecureRegistries, (base) => this.#speaksTls(base));
  }

  resolve(reference: Reference, options: RequestOptions = {}): Promise<ResolvedManifest> {
    const wanted = withDefaultTag(reference);
    return this.#overEndpoints(wanted, options, async (endpoint) => {
      const { bytes, response } = await this.#manifest(endpoint, wanted, options);
      return checkedManifest(bytes, response, wanted);
    });
  }

  fetchManifest(reference: Reference, descriptor: Expected, options: RequestOptions = {}): Promise<Buffer> {
    const wanted = { ...reference, digest: descriptor.digest };
    return this.#overEndpoints(wanted, options, async (endpoint) => {
      const { bytes } = await this.#manifest(endpoint, wanted, options);
      if (bytes.length !== descriptor.size || digestOf(bytes) !== descriptor.digest)
        throw unverified(descriptor.digest);
      return bytes;
    });
  }

  async fetchBlob(
    reference: Reference,
    descriptor: Expected,
    sink: BlobSink,
    options: BlobOptions = {},
  ): Promise<void> {
    const transfer = new BlobTransfer(descriptor, sink, options.onProgress);
    await transfer.begin();
    if (transfer.isComplete) return;
    await this.#overEndpoints(
      reference,
      options,
      async (endpoint) => {
        const question = { endpoint, reference, what: 'blob', name: descriptor.digest, options } as const;
        const response = await this.#ask({ ...question, headers: transfer.rangeHeader() });
        if (response.statusCode === 416) {
          response.destroy();
          await transfer.rangeRefused();
        }
        await this.#refuseUnlessOk(response, question);
        await this.#receive(transfer, response, question);
      },
      () => transfer.takeProgress(),
    );
  }

  async #receive(
    transfer: BlobTransfer,
    response: IncomingMessage,
    { endpoint, options }: Pick<Question, 'endpoint' | 'options'>,
  ): Promise<void> {
    try {
      await transfer.accept(response);
    } catch (error) {
      response.destroy();
      throw error;
    }
    await transfer.receive(this.#transport.read(response, new URL(endpoint.base), options.signal));
  }

  close(): void {
    this.#transport.close();
  }

  /** Tries the endpoints in turn, each with retries, until one succeeds; throws what tells the user most. */
  async #overEndpoints<T>(
    reference: Reference,
    { signal }: RequestOptions,
    attempt: (endpoint: Endpoint) => Promise<T>,
    progressed: () => boolean = () => false,
  ): Promise<T> {
    const retries = { limits: this.#limits, sleep: this.#sleep, signal, progressed };
    let failure: RequestFailure | undefined;
    for (const endpoint of await this.#endpoints.of(reference.registry)) {
      try {
        return await withRetries(() => attempt(endpoint), retries);
      } catch (error) {
        if (!(error instanceof RequestFailure)) throw error;
        if (error.unreachable) this.#endpoints.forget(reference.registry);
        this.#logger.debug('registry endpoint failed', { endpoint: endpoint.base, error: error.message });
        failure = moreTelling(failure, error);
      }
    }
    throw failure?.error ?? new GantryError('unavailable', `no endpoint for ${reference.registry}`);
  }

  async #manifest(
    endpoint: Endpoint,
    reference: Reference,
    options: RequestOptions,
  ): Promise<{ readonly bytes: Buffer; readonly response: IncomingMessage }> {
    const name = reference.digest ?? reference.tag ?? '';
    const question = { endpoint, reference, what: 'manifest', name, options } as const;
    const response = await this.#ask({ ...question, headers: { Accept: acceptedManifests } });
    await this.#refuseUnlessOk(response, question);
    const bytes = await this.#transport.readAll(response, manifestLimitBytes, new URL(endpoint.base), options.signal);
    return { bytes, response };
  }

  /** Asks, answering a challenge; a token that was known but is refused is replaced once. */
  async #ask(question: Question): Promise<IncomingMessage> {
    const { endpoint, reference, options } = question;
    const context = { endpoint, reference, auth: endpoint.mirror ? undefined : options.auth, signal: options.signal };
    const known = this.#authorizer.known(context);
    const response = await this.#send(question, known);
    if (response.statusCode !== 401) return response;
    discard(response);
    this.#authorizer.forget(context);
    const answered = await this.#send(question, await this.#authorizer.answer(context, response));
    if (answered.statusCode === 401) this.#authorizer.forget(context);
    return answered;
  }

  #send(question: Question, authorization: string | undefined): Promise<IncomingMessage> {
    const { endpoint, reference, what, name, headers, options } = question;
    const url = new URL(`${endpoint.base}/v2/${reference.repository}/${what}s/${name}`);
    return this.#transport.send({
      url,
      headers: { ...headers, ...(authorization !== undefined && { Authorization: authorization }) },
      insecure: endpoint.insecure,
      signal: options.signal,
    });
  }

  async #refuseUnlessOk(
    response: IncomingMessage,
    { endpoint, reference, what, options }: Omit<Question, 'headers'>,
  ): Promise<void> {
    const status = response.statusCode ?? 0;
    if (status === 200 || (status === 206 && what === 'blob')) return;
    const origin = new URL(endpoint.base);
    const body = await this.#transport
      .readAll(response, errorLimitBytes, origin, options.signal)
      .catch((error: unknown) => {
        if (error instanceof RequestFailure) return Buffer.alloc(0);
        throw error;
      });
    throw answerFailure(response, body, reference, what, this.#now());
  }

  /** Whether an HTTPS server answers; a registry that may be plain is found out once so. */
  async #speaksTls(base: string): Promise<boolean> {
    const signal = AbortSignal.timeout(probeTimeoutMs);
    try {
      const response = await this.#transport.send({ url: new URL(`${base}/v2/`), insecure: true, signal });
      response.destroy();
      return true;
    } catch {
      return false;
    }
  }
}

/** A later endpoint that cannot even be reached says less than an earlier one's answer. */
function moreTelling(earlier: RequestFailure | undefined, later: RequestFailure): RequestFailure {
  if (earlier === undefined || earlier.unreachable || !later.unreachable) return later;
  const { kind, message, cause } = earlier.error;
  return new RequestFailure(new GantryError(kind, message, { hint: `Also tried: ${later.error.message}`, cause }));
}

function unverified(digest: string): RequestFailure {
  return new RequestFailure(new GantryError('invalid', `manifest verification failed for digest ${digest}`));
}

function checkedManifest(bytes: Buffer, response: IncomingMessage, reference: Reference): ResolvedManifest {
  const digest = digestOf(bytes);
  const header = response.headers['docker-content-digest'];
  const promised = reference.digest ?? (typeof header === 'string' && isDigest(header) ? header : digest);
  if (promised !== digest) throw unverified(promised);
  const declared = response.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  try {
    const { mediaType } = parseManifestDocument(bytes, declared);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  } catch (error) {
    throw error instanceof GantryError ? new RequestFailure(error) : error;
  }
}

/** A client for registries; throws `invalid` for a mirror or an insecure registry that cannot be understood. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new DistributionClient(options);
}
